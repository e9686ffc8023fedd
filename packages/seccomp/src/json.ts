/** Reads a profile's JSON. What is wrong with it is said with line and key; a key that nobody knows is not passed over. */

import { type DocumentNode, type NumberNode, parse, type ValueNode } from '@humanwhocodes/momoa';
import { CAPABILITY_NAMES, capabilityNumber, nearestName, SET_SIZE } from '@ts/capabilities';
import {
  errors,
  Failure,
  parseDecimal,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_USER_NOTIF,
  U32_MAX,
} from '@ts/sys';
import { ACTIONS, type Action } from './action.ts';
import { ARCHITECTURES, allCallNames, FOREIGN_NAMES, SHORT_NAMES } from './architecture.ts';
import type { Comparison, Condition } from './policy.ts';
import type { Guard, KernelVersion, Profile, Rule } from './profile.ts';

/** `line 7: syscalls[2].action: …` */
export class ProfileError extends Failure {
  constructor(
    readonly line: number,
    /** Where in the profile: `syscalls[2].action`; empty for the whole. */
    readonly key: string,
    readonly says: string,
    /** What may have been meant. */
    remedy?: string,
  ) {
    super(`line ${line}: ${key && `${key}: `}${says}`, undefined, remedy);
  }
}

/** A value and where it stands. */
interface Place {
  readonly node: ValueNode;
  readonly key: string;
  readonly source: string;
  /** Names that nobody knows are passed over. */
  readonly lenient: boolean;
}

function refuse({ node, key }: Place, says: string, hint?: string): never {
  throw new ProfileError(node.loc.start.line, key, says, hint);
}

const isNull = (place: Place | undefined): boolean => place === undefined || place.node.type === 'Null';

const LONGEST = 60;

/** A text of the profile in a message: on one line, and no longer than it takes to find it. */
const shown = (text: string): string =>
  (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const meant = (name: string | undefined) => name && `did you mean '${name}'?`;

function unknown(place: Place, what: string, name: string, known: Iterable<string>): never {
  refuse(place, `unknown ${what} '${shown(name)}'`, meant(nearestName(known, name, Math.max(1, name.length >> 1))));
}

/** The members of an object; one that is null is as if it were not there. */
function members<Key extends string>(place: Place, known: readonly Key[]): Partial<Record<Key, Place>> {
  const { node, key } = place;
  if (node.type !== 'Object') refuse(place, 'must be an object');
  const found: Partial<Record<string, Place>> = {};
  for (const { name, value } of node.members) {
    const text = name.type === 'String' ? name.value : name.name;
    const member = { ...place, node: value, key: key ? `${key}.${text}` : text };
    const at = { ...member, node: name as unknown as ValueNode };
    if (!(known as readonly string[]).includes(text)) unknown({ ...at, key }, 'key', text, known);
    if (found[text]) refuse(at, 'is there twice');
    found[text] = member;
  }
  for (const name of Object.keys(found)) if (isNull(found[name])) delete found[name];
  return found as Partial<Record<Key, Place>>;
}

function elements(place: Place | undefined): Place[] {
  if (!place) return [];
  const { node, key } = place;
  if (node.type !== 'Array') refuse(place, 'must be a list');
  return node.elements.map(({ value }, index) => ({ ...place, node: value, key: `${key}[${index}]` }));
}

function textOf(place: Place): string {
  return place.node.type === 'String' ? place.node.value : refuse(place, 'must be a text');
}

const textsOf = (place: Place | undefined): string[] => elements(place).map(textOf);

/** A whole number, 64 bits of which are kept apart. */
function naturalOf(place: Place, largest: bigint): bigint {
  const [from, to] = (place.node as NumberNode).range ?? [0, 0];
  const digits = place.source.slice(from, to);
  if (place.node.type !== 'Number' || !/^\d+$/.test(digits)) refuse(place, 'must be a whole number, not negative');
  const value = BigInt(digits);
  return value <= largest ? value : refuse(place, `is too large: at most ${largest}`);
}

/** The kernel caps a filter's error numbers at this one. */
const MAX_ERRNO = 4095n;
/** What a tracer is told, too, is 16 bits. */
const MAX_DATA = 0xffffn;

const EPERM = 1;

function errnoOfName(place: Place): number {
  const name = textOf(place);
  const found = errors().find(([, known]) => known === name);
  return found
    ? found[0]
    : unknown(
        place,
        'error',
        name,
        errors().map(([, known]) => known),
      );
}

/** An action with its error number, given as a number (`errnoRet`) or by name (`errno`). */
function actionOf(place: Place, number: Place | undefined, name: Place | undefined): Action {
  const text = textOf(place);
  const action = ACTIONS.get(text) ?? unknown(place, 'action', text, ACTIONS.keys());
  if (action === SECCOMP_RET_USER_NOTIF)
    refuse(place, `${text} needs a process that listens and answers: there is none behind this tool`);
  const given = number ?? (name && textOf(name) ? name : undefined);
  if (action !== SECCOMP_RET_ERRNO && action !== SECCOMP_RET_TRACE)
    return given ? refuse(given, `${text} has no error number`) : action;
  const byName = name && given === name ? errnoOfName(name) : undefined;
  const byNumber = number && Number(naturalOf(number, action === SECCOMP_RET_ERRNO ? MAX_ERRNO : MAX_DATA));
  if (number && name && textOf(name) && errnoOfName(name) !== byNumber)
    refuse(name, 'is not the same error as errnoRet');
  return action | (byNumber ?? byName ?? EPERM);
}

const COMPARISONS: readonly Comparison[] = ['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'];
const ARGUMENTS = 6n;
const MAX_VALUE = (1n << 64n) - 1n;

function conditionOf(place: Place): Condition {
  const { index, value, valueTwo, op } = members(place, ['index', 'value', 'valueTwo', 'op']);
  if (!index || !op) refuse(place, `${index ? 'op' : 'index'} is missing`);
  const name = textOf(op).replace(/^SCMP_CMP_/, '') as Comparison;
  if (!COMPARISONS.includes(name) || name === textOf(op))
    unknown(
      op,
      'comparison',
      textOf(op),
      COMPARISONS.map((each) => `SCMP_CMP_${each}`),
    );
  const [first, second] = [value, valueTwo].map((each) => (each ? naturalOf(each, MAX_VALUE) : 0n)) as [bigint, bigint];
  const at = Number(naturalOf(index, ARGUMENTS - 1n));
  return name === 'MASKED_EQ'
    ? { index: at, comparison: name, mask: first, value: second }
    : { index: at, comparison: name, value: first };
}

function kernelOf(place: Place): KernelVersion {
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(textOf(place)) ?? refuse(place, 'must be a version such as "4.8"');
  const version = [major, minor].map((text = '') => parseDecimal(text, U32_MAX));
  return version.includes(undefined) ? refuse(place, 'is no version of a kernel') : (version as [number, number]);
}

/** The number of a capability that nobody has. */
const NOBODYS = SET_SIZE;

function capabilityOf(place: Place): number {
  const name = textOf(place).toLowerCase();
  const number = name.startsWith('cap_') ? capabilityNumber(name) : undefined;
  if (number !== undefined) return number;
  const known = CAPABILITY_NAMES.map((each) => each.toUpperCase());
  return place.lenient ? NOBODYS : unknown(place, 'capability', textOf(place), known);
}

function guardOf(place: Place): Guard {
  const { caps, arches, minKernel } = members(place, ['caps', 'arches', 'minKernel']);
  for (const each of elements(arches))
    if (!SHORT_NAMES.includes(textOf(each)) && !each.lenient) unknown(each, 'architecture', textOf(each), SHORT_NAMES);
  return {
    caps: elements(caps).map(capabilityOf),
    arches: textsOf(arches),
    minKernel: minKernel && textOf(minKernel) ? kernelOf(minKernel) : undefined,
  };
}

/** The call, or none where its name is passed over. */
function callsOf(place: Place): string[] {
  const name = textOf(place);
  if (allCallNames().has(name)) return [name];
  return place.lenient ? [] : unknown(place, 'system call', name, allCallNames());
}

/** A text that engines write empty where there is none. */
const filled = (place: Place | undefined): Place | undefined => (place && textOf(place) ? place : undefined);

function ruleOf(place: Place): Rule {
  const { names, name, action, errnoRet, errno, args, includes, excludes } = members(place, [
    'names',
    'name',
    'action',
    'errnoRet',
    'errno',
    'args',
    'comment',
    'includes',
    'excludes',
  ]);
  const one = filled(name);
  const several = elements(names);
  if (several.length && one) refuse(one, 'stands beside names: one of them only');
  if (!action) refuse(place, 'action is missing');
  const named = one ? [one] : several;
  if (!named.length) refuse(place, 'names no system call');
  return {
    names: named.flatMap(callsOf),
    action: actionOf(action, errnoRet, errno),
    conditions: elements(args).map(conditionOf),
    includes: includes && guardOf(includes),
    excludes: excludes && guardOf(excludes),
  };
}

const ARCHITECTURE_NAMES: readonly string[] = [...ARCHITECTURES.map(({ name }) => name), ...FOREIGN_NAMES];

function architectureOf(place: Place): string {
  const name = textOf(place);
  return ARCHITECTURE_NAMES.includes(name) || place.lenient
    ? name
    : unknown(place, 'architecture', name, ARCHITECTURE_NAMES);
}

function archRowOf(place: Place) {
  const { architecture, subArchitectures } = members(place, ['architecture', 'subArchitectures']);
  if (!architecture) refuse(place, 'architecture is missing');
  return {
    architecture: architectureOf(architecture),
    subArchitectures: elements(subArchitectures).map(architectureOf),
  };
}

/** Flags that a profile may ask for. */
export const FILTER_FLAGS: ReadonlyMap<string, number> = new Map(
  Object.entries({ SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW }),
);

function flagOf(place: Place): number {
  const name = textOf(place);
  if (name === 'SECCOMP_FILTER_FLAG_NEW_LISTENER' || name === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV')
    refuse(place, `${name} needs a process that listens: there is none behind this tool`);
  return FILTER_FLAGS.get(name) ?? unknown(place, 'flag', name, FILTER_FLAGS.keys());
}

function profileOf(place: Place): Profile {
  const found = members(place, [
    'defaultAction',
    'defaultErrnoRet',
    'defaultErrno',
    'architectures',
    'archMap',
    'flags',
    'listenerPath',
    'listenerMetadata',
    'syscalls',
    'comment',
  ]);
  const { defaultAction, defaultErrnoRet, defaultErrno, architectures, archMap, flags, syscalls } = found;
  const listener = found.listenerPath ?? found.listenerMetadata;
  if (listener && textOf(listener)) refuse(listener, 'there is no process that listens behind this tool');
  if (!defaultAction) refuse(place, 'defaultAction is missing');
  if (elements(architectures).length && elements(archMap).length)
    refuse(archMap as Place, 'stands beside architectures: one of them only');
  return {
    defaultAction: actionOf(defaultAction, defaultErrnoRet, defaultErrno),
    architectures: architectures && elements(architectures).map(architectureOf),
    archMap: archMap && elements(archMap).map(archRowOf),
    flags: elements(flags).reduce((all, each) => all | flagOf(each), 0),
    rules: elements(syscalls).map(ruleOf),
  };
}

interface Misread {
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

function readDocument(source: string): DocumentNode {
  try {
    return parse(source, { mode: 'json', ranges: true });
  } catch (error) {
    if (error instanceof RangeError) throw new ProfileError(1, '', 'is nested too deeply for a profile');
    const { line = 1, column = 1, message } = error as Misread;
    // The parser's words end with the place in its own form.
    const words = message.replace(/ found\..*$/, '').replace(/^Unexpected/, 'unexpected');
    throw new ProfileError(line, '', `no JSON: ${shown(words)} in column ${column}`);
  }
}

/**
 * The profile that a JSON text holds.
 *
 * @param lenient Calls, architectures and capabilities that nobody knows are passed over, as container runtimes do.
 * @throws ProfileError
 */
export function parseProfile(source: string, lenient = false): Profile {
  return profileOf({ node: readDocument(source).body, key: '', source, lenient });
}
