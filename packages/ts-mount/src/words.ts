/** Words of -o, and of the options that stand for one. */
import { isOption, type MountOptions, OptionError, parseOptions, splitOptions } from '@ts/mounts';
import { type IdMapping, parseIdMapping } from '@ts/namespaces';
import { errnoOf, Failure, strerror } from '@ts/sys';
import type { Input } from './options.ts';

/** What the options of the command line ask for, as words of `-o`. */
const AS_WORD: Readonly<Record<string, string>> = {
  'read-only': 'ro',
  ro: 'ro',
  rw: 'rw',
  'read-write': 'rw',
  bind: 'bind',
  rbind: 'rbind',
  move: 'move',
  'no-canonicalize': 'X-mount.nocanonicalize',
};

/** Words of `-o` and of the options that stand for one, in the order given. */
export function optionWords({ steps }: Input): string {
  const words = steps.flatMap(({ option: { long }, value = '' }) => {
    if (long === 'options') return checkedWords(value);
    if (long === 'mkdir') return [`X-mount.mkdir=${value}`];
    const word = AS_WORD[long];
    if (word !== undefined) return [word];
    return long.startsWith('make-') ? [long.slice('make-'.length)] : [];
  });
  return [...words, ...mapWords(steps)].join(',');
}

function checkedWords(list: string): string[] {
  if (!splitOptions(list).every(isOption)) throw new Failure(`unsupported option format: ${list}`, 1);
  return [list];
}

/** `--map-users` and `--map-groups` are entries of one X-mount.idmap. */
function mapWords(steps: Input['steps']): string[] {
  const entries = steps.flatMap(({ option: { long }, value = '' }) => {
    if (long === 'map-users') return [value.startsWith('/') ? value : `u:${value}`];
    return long === 'map-groups' ? [`g:${value}`] : [];
  });
  if (entries.length > 1 && entries.some((entry) => entry.startsWith('/')))
    throw new Failure('a user namespace cannot be combined with other maps', 1);
  return entries.length ? [`X-mount.idmap=${entries.join(' ')}`] : [];
}

export interface Words extends Omit<MountOptions, 'idmap'> {
  readonly idmap?: IdMapping;
}

/** @throws Failure where a word is wrong. */
export function read(text: string, target: string): Words {
  try {
    const options = parseOptions(text);
    const { idmap } = options;
    return { ...options, idmap: idmap === undefined ? undefined : parseIdMapping(idmap) };
  } catch (error) {
    if (error instanceof OptionError) throw unreadable(text, target, error.message, codeOf(error));
    throw error;
  }
}

/** What the original says of it; of X-mount.mkdir nothing. */
const codeOf = ({ message, isOutOfRange }: OptionError) =>
  message.startsWith('X-mount.mkdir:') ? undefined : isOutOfRange ? 'ERANGE' : 'EINVAL';

/** As the original says it. */
export function unreadable(text: string, target: string, why: string, code: string | undefined = undefined): Failure {
  const words = /(^|,)r[ow](,|$)/.test(text) ? text : `rw,${text}`;
  const suffix = code === undefined ? '' : `: ${strerror(errnoOf(code))}`;
  return new Failure(`${target}: failed to parse mount options '${words}'${suffix}.`, 1, why);
}
