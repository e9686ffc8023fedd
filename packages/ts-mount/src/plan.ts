/** From the command line to what is to be done. */
import { parseTag } from '@ts/block';
import { type Grammar, groupsOf, UsageError, type World } from '@ts/cli';
import { isSamePlace, type Mount, namespaceFile, realPath, shown } from '@ts/mounts';
import { Failure, MS_REMOUNT } from '@ts/sys';
import type { Change } from './change.ts';
import {
  everything,
  everythingMounted,
  type Fstab,
  findMounted,
  isMounted,
  lookUp,
  notInFstab,
  ofEntry,
  type Place,
  readFstab,
  usesFstab,
} from './entries.ts';
import type { Input } from './options.ts';
import { changeOf, kindOf, readsAccounts } from './request.ts';
import { SourceMissing } from './source.ts';
import { mountsNow } from './table.ts';
import { optionWords, read } from './words.ts';

/** A program begins behind source and target; `--also` begins another mount. */
export const grammar = { permute: true, operandsBeforeProgram: 2, group: 'also' } as const satisfies Grammar;

export interface Listing {
  readonly namespace?: string;
  readonly list: { readonly types?: string; readonly labels: boolean; readonly json: boolean };
}

export interface Mounting {
  /** File of the mount namespace in which all is done. */
  readonly namespace?: string;
  readonly changes: readonly Change[];
  readonly fake: boolean;
  readonly verbose: boolean;
  /** Programs of others may be asked to mount. */
  readonly helpers: boolean;
  /** What such programs are told, before the options. */
  readonly helperWords: readonly string[];
  readonly program: readonly string[];
  /** Files that this came from. */
  readonly files: readonly string[];
}

/** `-a`: a failure does not keep the others from being mounted. */
export interface MountingAll extends Omit<Mounting, 'changes'> {
  readonly places: readonly Place[];
  readonly forks: boolean;
  /** Whether something is there already: it is left alone then. */
  readonly isThere: (change: Change) => boolean;
}

export type Plan = Listing | Mounting | MountingAll;

interface Places {
  readonly source?: string;
  readonly target?: string;
  readonly program: readonly string[];
}

/** Which operands are source and target, and which are a program. */
function places({ values, operands, beforeDashes }: Input, targetIsEnough: boolean): Places {
  const tag = values.label === undefined ? undefined : `LABEL="${values.label}"`;
  const uuid = values.uuid === undefined ? undefined : `UUID="${values.uuid}"`;
  const source = values.source ?? tag ?? uuid;
  const { target } = values;
  const missing = Number(source === undefined) + Number(target === undefined);
  const before = operands.slice(0, beforeDashes);
  const after = operands.slice(beforeDashes);
  // "mount A -- B" is "mount A B", unless A alone is enough.
  const isProgram = before.length >= missing || targetIsEnough || missing < 2;
  const words = isProgram ? before.slice(0, missing) : [...before, ...after].slice(0, missing);
  const program = isProgram ? [...before.slice(missing), ...after] : [...before, ...after].slice(missing);
  const [first, second] = words;
  if (source !== undefined && target !== undefined) return { source, target, program };
  if (source !== undefined) return { source, target: first, program };
  if (target !== undefined) return { source: first, target, program };
  return second === undefined ? { target: first, program } : { source: first, target: second, program };
}

/** Options that name something to be done; without any, and without operands, the mounts are listed. */
const ACTIONS = new Set([
  'options',
  'read-only',
  'ro',
  'rw',
  'read-write',
  'bind',
  'rbind',
  'move',
  'mkdir',
  'source',
  'target',
  'label',
  'uuid',
  'test-opts',
  'map-users',
  'map-groups',
  'also',
  'target-prefix',
  'onlyonce',
  'beneath',
  'exclusive',
]);

interface Part {
  /** Undefined where there is nothing to be mounted, and that is no failure. */
  readonly change?: Change;
  readonly program: readonly string[];
  /** Whether fstab was asked. */
  readonly isListed: boolean;
}

/** An operation has no use for a type. */
function checkUsage({ values, steps }: Input): void {
  const isOperation = steps.some(({ option: { long } }) => ['bind', 'rbind', 'move'].includes(long));
  if (isOperation && values.types !== undefined) throw new UsageError('bad usage');
}

/** The mount that one part of the command line asks for, and the program behind it. */
function partOf(input: Input, fstabOf: () => Fstab, world: World): Part {
  checkUsage(input);
  const { values, operands } = input;
  const words = optionWords(input);
  const given = read(words, operands[1] ?? operands[0] ?? '');
  const isRemount = (given.flags & MS_REMOUNT) !== 0;
  // fstab is not read for --make-*; words of -o are no such request.
  const isPropagation =
    input.steps.some(({ option: { long } }) => long.startsWith('make-')) &&
    kindOf(given, undefined, values.types) === 'propagation';
  const { source, target, program } = places(input, isRemount || isPropagation);
  const prefixed = (values['target-prefix'] ?? '') + (target ?? '');
  const hasBoth = source !== undefined && target !== undefined;
  const isForced = hasBoth && values['options-source-force'] === true;
  const isListed = !isPropagation && (!hasBoth || isForced);
  const origin = { input, world };

  const find = (): Change => {
    const place = target ?? source;
    if (place === undefined) throw new UsageError('bad usage');
    if (hasBoth && !isForced) return changeOf(words, source, prefixed, { ...origin, startsAnew: true });
    if (isPropagation) return changeOf(words, source, prefixed, origin);
    const fstab = fstabOf();
    const entry = usesFstab(input) ? lookUp(place, fstab, world) : undefined;
    if (isForced && entry?.source !== source) throw notInFstab(place, fstab);
    // Named by its source, a mount keeps what it has.
    const isAt = entry !== undefined && [place, realPath(place)].some((path) => isSamePlace(entry.target, path));
    if (entry) return ofEntry(entry, words, input, world, isAt);
    if (!isRemount)
      throw notInFstab(
        place,
        fstab,
        values.target !== undefined ? 'mount point' : target === undefined ? `mount source ${place}` : undefined,
      );
    if (parseTag(place)) throw notInFstab(place, fstab);
    const mounted = findMounted(place, input, world);
    return changeOf(words, mounted?.source, mounted?.target ?? (target === undefined ? place : prefixed), origin);
  };
  const change = tolerantly(find);
  if (change && values.onlyonce && isMounted(change, mountsNow(input, world), input))
    throw new Failure(`${shown(change.target, change.asGiven.target)}: filesystem already mounted.`, 32);
  return { change, program, isListed };
}

/** Undefined where the source is missing and that is no failure. */
export function tolerantly(find: () => Change): Change | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof SourceMissing && error.isTolerated) return undefined;
    throw error;
  }
}

/** What a program that mounts is told besides source, target and options. */
const helperWordsOf = ({ values }: Input): string[] => [
  ...(values.sloppy ? ['-s'] : []),
  ...(values.fake ? ['-f'] : []),
  ...(values['no-mtab'] ? ['-n'] : []),
  ...(values.verbose ? ['-v'] : []),
];

export function plan(input: Input, world: World): Plan {
  const { values, operands, steps } = input;
  const namespace = values.namespace === undefined ? undefined : namespaceFile(values.namespace);
  const common = {
    namespace,
    fake: values.fake ?? false,
    verbose: values.verbose ?? false,
    helpers: !values['internal-only'],
    helperWords: helperWordsOf(input),
  };
  let table: Fstab | undefined;
  const fstabOf = (): Fstab => {
    table ??= readFstab(input, world);
    return table;
  };
  if (values.fstab !== undefined) fstabOf();
  if (values.all) {
    if (operands.length || values.also) throw new UsageError('bad usage');
    const words = optionWords(input);
    const isRemount = (read(words, '').flags & MS_REMOUNT) !== 0;
    const found = isRemount ? everythingMounted(words, input, world) : everything(words, fstabOf(), input, world);
    let mounts: Mount[] | undefined;
    const isThere = (change: Change) => {
      // As the original: those of the beginning, so that one fstab may mount one thing twice.
      mounts ??= isRemount ? [] : mountsNow(input, world);
      return isMounted(change, mounts, input);
    };
    return { ...common, places: found, forks: values.fork ?? false, isThere, program: [], files: [] };
  }
  const acts = steps.some(({ option: { long } }) => ACTIONS.has(long) || long.startsWith('make-'));
  if (!operands.length && !acts)
    return {
      namespace,
      list: { types: values.types, labels: values['show-labels'] ?? false, json: values.json ?? false },
    };

  usesFstab(input);
  const parts = groupsOf(input, grammar).map((part) => partOf(part, fstabOf, world));
  const programs = parts.map(({ program }) => program);
  const program = programs.pop() ?? [];
  if (programs.some(({ length }) => length)) throw new UsageError('bad usage');
  if (program[0] === '') throw new UsageError('the program has no name');
  const changes = parts.flatMap(({ change }) => change ?? []);
  if (changes.some(({ beneath }) => beneath) && (program.length || parts.length > 1))
    throw new Failure('--beneath cannot be combined with a program or --also: it could not be taken back', 1);
  const files = parts.some(({ isListed }) => isListed) ? (table?.files ?? []) : [];
  const named = changes.some(readsAccounts) ? ['/etc/passwd', '/etc/group'] : [];
  return { ...common, changes, program, files: [...files, ...named] };
}
