/** What a program that mounts in our place (/sbin/mount.TYPE) is told. */
import { findHelper, type Helper, PROPAGATION, shown } from '@ts/mounts';
import { MS_RDONLY } from '@ts/sys';
import type { Change } from './change.ts';
import type { Mounting } from './plan.ts';

/** Words that it has no use for, by their names. */
const NOT_FOR_HELPERS = new Set(['defaults', 'auto', 'noauto', 'comment', 'owner', 'group', 'ro', 'rw', 'encryption']);

/** What words of fstab for ordinary users stand for. */
const IMPLIED: Readonly<Record<string, readonly string[]>> = {
  user: ['noexec', 'nosuid', 'nodev'],
  users: ['noexec', 'nosuid', 'nodev'],
  owner: ['nosuid', 'nodev'],
  group: ['nosuid', 'nodev'],
};

/** Words of which the last one counts: one is the other with "no" in front. */
const SWITCHES = new Set([
  'suid',
  'dev',
  'exec',
  'atime',
  'diratime',
  'relatime',
  'strictatime',
  'lazytime',
  'symfollow',
]);

const isForHelpers = (word: string) => {
  const name = word.replace(/=.*$/s, '');
  return !NOT_FOR_HELPERS.has(name) && !/^[xX]-/.test(name) && !(word in PROPAGATION);
};

/** The options, those for mount(8) itself left out. */
export function helperOptions({ flags, words, parameters }: Pick<Change, 'flags' | 'words' | 'parameters'>): string {
  const all = words.flatMap((word) => [word, ...(IMPLIED[word] ?? [])]).filter(isForHelpers);
  const switchOf = (word: string) => {
    const name = word.replace(/^no/, '');
    return SWITCHES.has(name) ? name : undefined;
  };
  const kept = all.filter((word, at) => {
    const name = switchOf(word);
    return name === undefined || !all.slice(at + 1).some((later) => switchOf(later) === name);
  });
  const last = parameters.findLast((word) => word === 'ro' || word === 'rw') ?? (flags & MS_RDONLY ? 'ro' : 'rw');
  return [last, ...kept].join(',');
}

/** The first of the types that has such a program. */
export function helperFor(
  change: Change,
  { helpers }: Pick<Mounting, 'helpers'>,
): { at: number; helper: Helper } | undefined {
  const { kind, type, types } = change;
  if (!helpers || (kind !== 'mount' && kind !== 'remount')) return undefined;
  const named = kind === 'remount' ? [type ?? ''] : types;
  for (const [at, each] of named.entries()) {
    const helper = findHelper('mount', each);
    if (helper) return { at, helper };
  }
  return undefined;
}

/** Its command line. In another mount namespace it is told of it, and runs in this one: it was found here. */
export function helperCommand(
  { path, type }: Helper,
  change: Change,
  { helperWords, namespace }: Pick<Mounting, 'helperWords' | 'namespace'>,
): string[] {
  const elsewhere = namespace !== undefined;
  return [
    path,
    change.source,
    shown(change.target, change.asGiven.target || elsewhere),
    ...helperWords,
    '-o',
    helperOptions(change),
    ...(type === undefined ? [] : ['-t', type]),
    ...(elsewhere ? ['-N', namespace] : []),
  ];
}
