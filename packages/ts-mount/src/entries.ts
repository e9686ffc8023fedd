/** Mounts as fstab(5) has them. */
import { join, relative } from 'node:path';
import { ToolError, UsageError, type World } from '@ts/cli';
import {
  type FstabEntry,
  findInFstab,
  matchesOptions,
  matchesType,
  mountOf,
  parseFstab,
  parseMountinfo,
  realPath,
} from '@ts/mounts';
import { type Change, changeOf, type Input } from './change.ts';

/** Root of the namespace in which fstab and the mounts are looked up, as seen from here; its file alone does not tell it. */
const rootOf = ({ values: { namespace } }: Input) =>
  namespace !== undefined && /^\d+$/.test(namespace) ? `/proc/${namespace}/root` : '';

const fstabOf = ({ values }: Input) => values.fstab ?? '/etc/fstab';

const entriesOf = (input: Input, world: World) => parseFstab(world.read(rootOf(input) + fstabOf(input)) ?? '');

/** What of an entry's options counts, and in which order: the last word wins. */
const MODES = ['ignore', 'append', 'prepend', 'replace'] as const;
const SOURCES = ['fstab', 'mtab', 'disable'];

function modeOf({ values }: Input): (typeof MODES)[number] {
  const mode = MODES.find((each) => each === (values['options-mode'] ?? 'prepend'));
  if (!mode) throw new UsageError('bad usage');
  return mode;
}

/** Whether fstab is to be asked at all. */
export function usesFstab({ values }: Input): boolean {
  const sources = (values['options-source'] ?? 'fstab,mtab').split(',');
  if (!sources.every((source) => SOURCES.includes(source))) throw new UsageError('bad usage');
  return sources.includes('fstab');
}

/** An entry, and the options of the command line with it. */
export function ofEntry(entry: FstabEntry, words: string, input: Input, world: World): Change {
  const { source, target, type, options: own } = entry;
  const both = {
    ignore: [words],
    append: [words, own],
    prepend: [own, words],
    replace: [own],
  }[modeOf(input)];
  const given = input.values.types ?? (type === 'none' ? undefined : type);
  const prefixed = (input.values['target-prefix'] ?? '') + target;
  return changeOf(both.filter(Boolean).join(','), source, prefixed, given, world);
}

/** The entry of a mount point or of a source. */
export function lookUp(place: string, input: Input, world: World): FstabEntry | undefined {
  if (!usesFstab(input)) return undefined;
  const entries = entriesOf(input, world);
  return findInFstab(entries, place) ?? findInFstab(entries, realPath(place));
}

export const notInFstab = (place: string, input: Input) =>
  new ToolError(`${place}: can't find in ${fstabOf(input)}.`, 1);

/** What one operand means. */
export function fromFstab(place: string, words: string, input: Input, world: World): Change {
  const entry = lookUp(place, input, world);
  if (!entry) throw notInFstab(place, input);
  return ofEntry(entry, words, input, world);
}

/** Whether it is there already: the same source, of a bind mount the same directory, at the same place. */
export function isMounted({ kind, source, target }: Change, input: Input, world: World): boolean {
  const root = rootOf(input);
  const table = world.read(root ? `${root.slice(0, -'/root'.length)}/mountinfo` : '/proc/self/mountinfo') ?? '';
  const [place, real] = root ? [target, source] : [realPath(target), realPath(source)];
  const mounts = parseMountinfo(table);
  const there = mounts.filter((mount) => mount.target === place);
  if (kind !== 'bind') return there.some((mount) => [source, real].includes(mount.source));
  const from = mountOf(mounts, real);
  const directory = from && join(from.root, relative(from.target, real));
  return there.some((mount) => mount.device === from?.device && mount.root === directory);
}

/** What `-a` mounts: not what is there already, and not what is to be left alone. */
export function everything(words: string, input: Input, world: World): Change[] {
  const { values } = input;
  return entriesOf(input, world)
    .filter(({ target, type, options: own }) => {
      const list = own.split(',');
      if (type === 'swap' || list.includes('noauto') || !target.startsWith('/')) return false;
      return (
        (values.types === undefined || matchesType(type, values.types)) &&
        (values['test-opts'] === undefined || matchesOptions(list, values['test-opts']))
      );
    })
    .map((entry) => ofEntry(entry, words, { ...input, values: { ...values, types: undefined } }, world))
    .filter((change) => !isMounted(change, input, world));
}
