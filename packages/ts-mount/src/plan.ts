/** From the command line to what is to be done. */
import { type Grammar, groupsOf, ToolError, UsageError, type World } from '@ts/cli';
import { namespaceFile } from '@ts/mounts';
import { MS_REMOUNT } from '@ts/sys';
import { type Change, changeOf, type Input, kindOf, optionWords, read } from './change.ts';
import { everything, fromFstab, isMounted, lookUp, notInFstab, ofEntry, usesFstab } from './entries.ts';

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
  /** From fstab: a failure does not keep the others from being mounted. */
  readonly all: boolean;
  readonly fake: boolean;
  readonly verbose: boolean;
  readonly program: readonly string[];
  /** Files that this came from. */
  readonly files: readonly string[];
}

export type Plan = Listing | Mounting;

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
]);

interface Part {
  readonly change: Change;
  readonly program: readonly string[];
  /** Whether fstab was asked. */
  readonly isListed: boolean;
}

/** The mount that one part of the command line asks for, and the program behind it. */
function partOf(input: Input, world: World): Part {
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
  const find = (): Change => {
    if (target === undefined) {
      if (source === undefined) throw new UsageError('bad usage');
      return fromFstab(source, words, input, world);
    }
    const forced = source !== undefined && values['options-source-force'] === true;
    const entry = isPropagation || (source !== undefined && !forced) ? undefined : lookUp(target, input, world);
    if (forced && entry?.source !== source) throw notInFstab(target, input);
    if (entry) return ofEntry(entry, words, input, world);
    if (source !== undefined || isPropagation || isRemount)
      return changeOf(words, source, prefixed, values.types, world);
    return fromFstab(target, words, input, world);
  };
  const change = find();
  if (values.onlyonce && isMounted(change, input, world))
    throw new ToolError(`${change.target}: filesystem already mounted.`, 32);
  return {
    change,
    program,
    isListed: !isPropagation && (source === undefined || values['options-source-force'] === true),
  };
}

export function plan(input: Input, world: World): Plan {
  const { values, operands, steps } = input;
  const namespace = values.namespace === undefined ? undefined : namespaceFile(values.namespace);
  const common = { namespace, fake: values.fake ?? false, verbose: values.verbose ?? false };
  if (values.all) {
    if (operands.length || values.also) throw new UsageError('bad usage');
    return { ...common, changes: everything(optionWords(input), input, world), all: true, program: [], files: [] };
  }
  const acts = steps.some(({ option: { long } }) => ACTIONS.has(long) || long.startsWith('make-'));
  if (!operands.length && !acts)
    return {
      namespace,
      list: { types: values.types, labels: values['show-labels'] ?? false, json: values.json ?? false },
    };

  usesFstab(input);
  const parts = groupsOf(input, grammar).map((part) => partOf(part, world));
  const programs = parts.map(({ program }) => program);
  const program = programs.pop() ?? [];
  if (programs.some(({ length }) => length)) throw new UsageError('bad usage');
  if (program[0] === '') throw new UsageError('the program has no name');
  const files = parts.some(({ isListed }) => isListed) ? [values.fstab ?? '/etc/fstab'] : [];
  const named = parts.some(({ change }) => change.owner) ? ['/etc/passwd', '/etc/group'] : [];
  return { ...common, changes: parts.map(({ change }) => change), all: false, program, files: [...files, ...named] };
}
