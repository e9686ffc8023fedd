/** Capability sets as text: the grammar of cap_from_text(3), and the text that cap_to_text(3) makes of a state. */
import type { CapabilitySets } from '@ts/sys';
import { bit, capabilityName, capabilityNumber, firstCapabilities, has, SET_SIZE } from './names.ts';

/** Letters of the flags, in the order in which a text has them. */
const FLAGS = [
  { letter: 'e', set: 'effective', weight: 1 },
  { letter: 'i', set: 'inheritable', weight: 4 },
  { letter: 'p', set: 'permitted', weight: 2 },
] as const;

/** Every combination of flags is a number from 0 to 7. */
const ALL_FLAGS = 7;

export const NO_CAPABILITIES: CapabilitySets = { effective: 0n, permitted: 0n, inheritable: 0n };

const lettersOf = (flags: number) =>
  FLAGS.filter(({ weight }) => flags & weight)
    .map(({ letter }) => letter)
    .join('');

const CLAUSE = /^([^=+-]*)((?:=[eip]*)?(?:[+-][eip]+)*)$/;
const ACTION = /([=+-])([eip]*)/g;

/** The capabilities before the operators; undefined where a word is none. No words mean all. */
function operandSet(words: string, count: number): bigint | undefined {
  if (words === '') return firstCapabilities(count);
  let set = 0n;
  for (const word of words.split(',')) {
    const number = capabilityNumber(word);
    if (word.toLowerCase() === 'all') set = firstCapabilities(count);
    else if (number === undefined) return undefined;
    else set |= bit(number);
  }
  return set;
}

function act(sets: CapabilitySets, operator: string, letters: string, on: bigint): CapabilitySets {
  const result = { ...sets };
  for (const { letter, set } of FLAGS) {
    const named = letters.includes(letter);
    if (operator === '+' ? named : operator === '=' && named) result[set] |= on;
    else if (operator === '=' || named) result[set] &= ~on;
  }
  return result;
}

/**
 * Sets of a text such as `=ep cap_kill-e cap_net_raw+i`; undefined where it is none.
 *
 * @param count Number of capabilities that `all` and a bare `=` stand for.
 */
export function parseCapabilitySets(text: string, count: number): CapabilitySets | undefined {
  let sets = NO_CAPABILITIES;
  for (const clause of text.split(/\s+/).filter(Boolean)) {
    const [, words = '', actions = ''] = CLAUSE.exec(clause) ?? [];
    const steps = [...actions.matchAll(ACTION)];
    const on = operandSet(words, count);
    // Without words there is one operator only, and it is "=".
    const bare = words === '' && (steps.length !== 1 || steps[0]?.[1] !== '=');
    if (!steps.length || on === undefined || bare) return undefined;
    for (const [, operator = '', letters = ''] of steps) sets = act(sets, operator, letters, on);
  }
  return sets;
}

const flagsOf = (sets: CapabilitySets, capability: number) =>
  FLAGS.reduce((flags, { set, weight }) => flags | (has(sets[set], capability) ? weight : 0), 0);

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/**
 * Text of sets. What most capabilities have comes first, `=ep`; the others follow in groups that differ from it.
 *
 * @param count Number of capabilities of the kernel; those beyond it are numbers in groups of their own.
 */
export function formatCapabilitySets(sets: CapabilitySets, count: number): string {
  const groups = (from: number, to: number) => {
    const byFlags = range(0, ALL_FLAGS + 1).map(() => [] as string[]);
    for (const capability of range(from, to)) byFlags[flagsOf(sets, capability)]?.push(capabilityName(capability));
    return byFlags;
  };
  const named = groups(0, count);
  // Of several equally frequent ones, the first in the order of the numbers.
  const most = Math.max(...named.map((group) => group.length));
  const base = named.findIndex((group) => group.length === most);

  const parts: string[] = [];
  for (const flags of range(0, ALL_FLAGS + 1).reverse()) {
    const names = named[flags] as string[];
    if (flags === base || !names.length) continue;
    const added = lettersOf(flags & ~base);
    const removed = lettersOf(base & ~flags);
    parts.push(`${names.join(',')}${added && `+${added}`}${removed && `-${removed}`}`);
  }
  // Where most have nothing, the first group says so by its "=".
  const text =
    base === 0 && parts.length ? [parts[0]?.replace('+', '='), ...parts.slice(1)] : [`=${lettersOf(base)}`, ...parts];

  const unnamed = groups(count, SET_SIZE);
  for (const flags of range(1, ALL_FLAGS + 1).reverse()) {
    const numbers = unnamed[flags] as string[];
    if (numbers.length) text.push(`${numbers.join(',')}+${lettersOf(flags)}`);
  }
  return text.join(' ');
}
