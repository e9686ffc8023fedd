/** Rules in short, from a command line: `clock_settime,reboot=EPERM`. */
import { nearestName } from '@ts/capabilities';
import {
  errors,
  Failure,
  parseDecimal,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRAP,
} from '@ts/sys';
import type { Action } from './action.ts';
import { allCallNames } from './architecture.ts';
import { multiplexerOf } from './multiplexed.ts';
import type { Condition } from './policy.ts';
import type { Profile, Rule } from './profile.ts';

const EPERM = 1;
const MAX_ERRNO = 4095;

export const REFUSE: Action = SECCOMP_RET_ERRNO | EPERM;

const ACTION_WORDS: ReadonlyMap<string, Action> = new Map([
  ['kill', SECCOMP_RET_KILL_PROCESS],
  ['kill_process', SECCOMP_RET_KILL_PROCESS],
  ['kill_thread', SECCOMP_RET_KILL_THREAD],
  ['trap', SECCOMP_RET_TRAP],
]);

/** A word of a rule that means nothing. */
export class UnknownWord extends Failure {
  constructor(
    readonly what: 'system call' | 'action',
    readonly word: string,
    /** The one that may have been meant. */
    readonly near: string | undefined,
  ) {
    super(`unknown ${what}: ${word}`);
  }
}

/** The name, where Linux has such a call on any architecture. Throws UnknownWord. */
export function knownCall(name: string): string {
  if (allCallNames().has(name)) return name;
  throw new UnknownWord('system call', name, nearestName(allCallNames(), name, Math.max(1, name.length >> 1)));
}

function parseAction(word: string): Action {
  const errno = parseDecimal(word, MAX_ERRNO) ?? errors().find(([, name]) => name === word.toUpperCase())?.[0];
  if (errno) return SECCOMP_RET_ERRNO | errno;
  const action = ACTION_WORDS.get(word.toLowerCase());
  if (action !== undefined) return action;
  const known = [...ACTION_WORDS.keys(), ...errors().map(([, name]) => name)];
  throw new UnknownWord('action', word, nearestName(known, word, 2));
}

const wordsOf = (text: string) => text.split(',').filter(Boolean);

/** `NAME[=ACTION],…`: an error by name or number, `kill`, `kill_thread` or `trap`; EPERM where none is given. */
export const parseDeny = (text: string): Rule[] =>
  wordsOf(text).map((word) => {
    const [, name = '', action] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    return { names: [knownCall(name)], action: action === undefined ? REFUSE : parseAction(action) };
  });

/** `NAME,…` */
export const parseCalls = (text: string): string[] => wordsOf(text).map(knownCall);

export const logging = (names: readonly string[]): Rule => ({ names, action: SECCOMP_RET_LOG });

/** All that the kernel runs here, and everything allowed: what rules in short begin with. */
export const open = (architectures: readonly string[]): Profile => ({
  defaultAction: SECCOMP_RET_ALLOW,
  architectures,
  rules: [],
});

/** Nothing but these calls. */
export const allowOnly = (architectures: readonly string[], names: readonly string[]): Profile => ({
  defaultAction: REFUSE,
  architectures,
  rules: [{ names, action: SECCOMP_RET_ALLOW }],
});

/** Holds for all calls; yet what is asked of the same argument by number comes before. */
const ANY: Condition = { index: 0, comparison: 'GE', value: 0n };

/**
 * The profile with other rules for some calls: what it said of them before counts no more, and of the new ones the last of a
 * call counts. A call that is also made through another (socketcall) gets the new rule there, too.
 */
export function overrule(profile: Profile, rules: readonly Rule[]): Profile {
  const last = new Map(rules.flatMap((rule) => rule.names.map((name) => [name, rule] as const)));
  const multiplexers = new Set([...last.keys()].map(multiplexerOf));
  const others = profile.rules.flatMap((rule) => {
    const names = rule.names.filter((name) => !last.has(name));
    const through = names.filter((name) => multiplexers.has(name));
    if (rule.conditions?.length || !through.length) return [{ ...rule, names }];
    const direct = names.filter((name) => !multiplexers.has(name));
    return [
      { ...rule, names: direct },
      { ...rule, names: through, conditions: [ANY] },
    ];
  });
  return { ...profile, rules: [...others, ...[...last].map(([name, rule]) => ({ ...rule, names: [name] }))] };
}
