/** Mounts as fstab(5) has them, and as they are now. */
import { join, relative } from 'node:path';
import { parseTag } from '@ts/block';
import { UsageError, type World } from '@ts/cli';
import {
  allOptions,
  type FstabEntry,
  fstabNames,
  isSamePlace,
  type Mount,
  matchesOptions,
  matchesType,
  mountAt,
  mountOf,
  parseFstab,
  realPath,
} from '@ts/mounts';
import { Failure, list, unlessRefused } from '@ts/sys';
import type { Change } from './change.ts';
import { devicesOf } from './loop.ts';
import type { Input } from './options.ts';
import { changeOf } from './request.ts';
import { deviceOf } from './source.ts';
import { inTable, mountsNow, rootOf } from './table.ts';

/** A variable that who runs a set-user-id program must not be led by. */
const safeVariable = (name: string, world: World) =>
  world.uid === world.euid && world.gid === world.egid ? world.variable(name) : undefined;

export interface Fstab {
  /** What messages call it. */
  readonly name: string;
  /** Files that it was read from. */
  readonly files: readonly string[];
  readonly entries: readonly FstabEntry[];
}

const DEFAULT = '/etc/fstab';

/** Undefined where it is no folder: a file, or nothing. */
const namesIn = (folder: string): readonly string[] | undefined => unlessRefused(() => fstabNames(list(folder)));

/** Reads it; lines that are no entry are told of. With `-T` it must be there and name something. */
export function readFstab(input: Input, world: World): Fstab {
  const given = input.values.fstab;
  const name = safeVariable('LIBMOUNT_FSTAB', world) || DEFAULT;
  const path = rootOf(input) + (given ?? name);
  const names = given === undefined ? undefined : namesIn(path);
  const files = names ? names.map((each) => join(given as string, each)) : [given ?? name];
  const entries: FstabEntry[] = [];
  for (const file of files) {
    const { entries: some, bad } = parseFstab(world.read(rootOf(input) + file) ?? '');
    for (const line of bad) world.warn(`${file}: parse error at line ${line} -- ignored`);
    entries.push(...some);
  }
  if (given !== undefined && !entries.length) throw new Failure(`${given}: failed to parse`, 1);
  return { name, files, entries };
}

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

/**
 * An entry, and the options of the command line with it.
 *
 * @param startsAnew On a remount: what neither names is as for a new mount.
 */
export function ofEntry(entry: FstabEntry, words: string, input: Input, world: World, startsAnew = true): Change {
  const { source, target, type, options: own } = entry;
  const both = {
    ignore: [words],
    append: [words, own],
    prepend: [own, words],
    replace: [own],
  }[modeOf(input)];
  const given = input.values.types ?? (type === 'none' ? undefined : type);
  const prefixed = (input.values['target-prefix'] ?? '') + target;
  const options = both.filter(Boolean).join(',');
  const isListed = input.values.types === undefined;
  return changeOf(options, source, prefixed, { input, world, type: given, isListed, startsAnew });
}

/** The device, file or word that a source means, for comparing. */
function meaning(source: string, world: World): string {
  const device = deviceOf(source, world);
  if (device !== undefined) return device;
  const { name, value } = parseTag(source) ?? {};
  return `${name}=${value}`;
}

/** The entry of a mount point or, failing that, of a source, by whatever name of the same device. */
export function lookUp(place: string, { entries }: Fstab, world: World): FstabEntry | undefined {
  const real = realPath(place);
  const at = (path: string) => entries.find(({ target }) => isSamePlace(target, path));
  const there = at(place) ?? at(real) ?? entries.find(({ source }) => source === place);
  if (there) return there;
  const device = meaning(place, world);
  const isDevice = device.startsWith('/') || parseTag(place) !== undefined;
  return isDevice ? entries.find(({ source }) => meaning(source, world) === device) : undefined;
}

/** `what`: where the command line says whether it is a source or a target. */
export const notInFstab = (place: string, { name }: Fstab, what?: string) =>
  new Failure(`${place}: can't find ${what === undefined ? '' : `${what} `}in ${name}.`, 1);

/** The mount that a remount with one operand means: of this mount point or, failing that, the last one of this source. */
export function findMounted(place: string, input: Input, world: World): Mount | undefined {
  const mounts = mountsNow(input, world);
  const device = meaning(place, world);
  return (
    mountAt(mounts, inTable(place, input)) ?? mounts.findLast(({ source }) => source === place || source === device)
  );
}

/** Whether it is there already, among these mounts: the same source, of a bind mount the same directory, at the same place. */
export function isMounted({ kind, source, target, loop }: Change, mounts: readonly Mount[], input: Input): boolean {
  const [place, real] = [inTable(target, input), inTable(source, input)];
  const there = mounts.filter((mount) => mount.target === place);
  const sources = loop ? devicesOf(loop) : [source, real];
  if (kind !== 'bind') return there.some((mount) => sources.includes(mount.source));
  const from = mountOf(mounts, real);
  const directory = from && join(from.root, relative(from.target, real));
  return there.some((mount) => mount.device === from?.device && mount.root === directory);
}

/** One of the places that `-a` looks at. */
export interface Place {
  readonly target: string;
  /** What is to be done there, once it is its turn; undefined where it is to be left alone. */
  readonly change?: () => Change;
}

const isWanted = ({ values }: Input, type: string, options: readonly string[]) =>
  (values.types === undefined || matchesType(type, values.types)) &&
  (values['test-opts'] === undefined || matchesOptions(options, values['test-opts']));

/** The type of `-a` says which entries are meant, not what they are. */
const ofAnyType = (input: Input): Input => ({ ...input, values: { ...input.values, types: undefined } });

/** What `-a` mounts, in the order of fstab. */
export function everything(words: string, fstab: Fstab, input: Input, world: World): Place[] {
  return fstab.entries.map((entry) => {
    const { target, type, options } = entry;
    const list = options.split(',');
    const isLeft = type === 'swap' || list.includes('noauto') || target === '/';
    if (isLeft || !isWanted(input, type, list)) return { target };
    return { target, change: () => ofEntry(entry, words, ofAnyType(input), world) };
  });
}

/** What `-a -o remount` changes: what is mounted. */
export function everythingMounted(words: string, input: Input, world: World): Place[] {
  return mountsNow(input, world).map((mount) => {
    const { source, target, type } = mount;
    if (!isWanted(input, type, allOptions(mount))) return { target };
    return { target, change: () => changeOf(words, source, target, { input: ofAnyType(input), world }) };
  });
}
