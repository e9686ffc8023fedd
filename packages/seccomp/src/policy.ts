/**
 * What a filter decides, by architecture and number: profiles are resolved into it, it is evaluated directly, and programs
 * are compiled from it.
 */
import type { Action } from './action.ts';
import { type Architecture, architectureOf, callsOf } from './architecture.ts';

/** How an argument is compared with a value. All compare unsigned. */
export type Comparison = 'EQ' | 'NE' | 'LT' | 'LE' | 'GT' | 'GE' | 'MASKED_EQ';

export interface Condition {
  /** Of the argument, from 0. */
  readonly index: number;
  readonly comparison: Comparison;
  readonly value: bigint;
  /** Bits of the argument that count, for MASKED_EQ. */
  readonly mask?: bigint;
}

/** What is done where all conditions hold. */
export interface Clause {
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/** What is done with one call: the first clause that holds counts, then `otherwise`. */
export interface Decision {
  readonly clauses: readonly Clause[];
  readonly otherwise: Action;
}

/** What is done with calls from a number on that have no decision. */
export interface Default {
  readonly from: number;
  readonly action: Action;
}

export interface Policy {
  readonly architectures: readonly Architecture[];
  /** By architecture, then number. */
  readonly decisions: ReadonlyMap<Architecture, ReadonlyMap<number, Decision>>;
  /** For calls that have no decision. */
  readonly defaultAction: Action;
  /** Instead of it from a number on, by architecture: ascending. */
  readonly defaults?: ReadonlyMap<Architecture, readonly Default[]>;
  /** For calls of architectures that are not in `architectures`. */
  readonly otherArchitectures: Action;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
}

/** A call as a filter sees it; `struct seccomp_data`. */
export interface CallData {
  readonly number: number;
  /** AUDIT_ARCH_*. */
  readonly token: number;
  readonly args: readonly bigint[];
}

/** As much of an argument as counts on that architecture. */
const seen = (value: bigint, bits: number) => BigInt.asUintN(bits, value);

export function holds({ index, comparison, value, mask = 0n }: Condition, args: readonly bigint[], bits = 64): boolean {
  const argument = seen(args[index] ?? 0n, bits);
  const wanted = seen(value, bits);
  switch (comparison) {
    case 'EQ':
      return argument === wanted;
    case 'NE':
      return argument !== wanted;
    case 'LT':
      return argument < wanted;
    case 'LE':
      return argument <= wanted;
    case 'GT':
      return argument > wanted;
    case 'GE':
      return argument >= wanted;
    case 'MASKED_EQ':
      return (argument & seen(mask, bits)) === (wanted & seen(mask, bits));
  }
}

/** The architecture of a policy that a call belongs to. */
export function architectureIn(policy: Policy, { token, number }: CallData): Architecture | undefined {
  const architecture = architectureOf(token, number);
  return architecture && policy.architectures.includes(architecture) ? architecture : undefined;
}

/** What is done with a call of an architecture in the policy that has no decision. */
export const defaultFor = (policy: Policy, architecture: Architecture, number: number): Action =>
  policy.defaults?.get(architecture)?.findLast(({ from }) => from <= number)?.action ?? policy.defaultAction;

/** What a policy decides on a call: the measure of every program compiled from it. */
export function evaluate(policy: Policy, call: CallData): Action {
  const architecture = architectureIn(policy, call);
  if (!architecture) return policy.otherArchitectures;
  const decision = policy.decisions.get(architecture)?.get(call.number);
  if (!decision) return defaultFor(policy, architecture, call.number);
  const clause = decision.clauses.find(({ conditions }) =>
    conditions.every((condition) => holds(condition, call.args, architecture.bits)),
  );
  return clause?.action ?? decision.otherwise;
}

/** All that a policy may do with a call of that name; undefined where the architecture has none. */
export function possibleActions(
  policy: Policy,
  architecture: Architecture,
  name: string,
): readonly Action[] | undefined {
  const number = callsOf(architecture).get(name);
  if (number === undefined) return undefined;
  const decision = policy.decisions.get(architecture)?.get(number);
  return decision
    ? [...decision.clauses.map(({ action }) => action), decision.otherwise]
    : [defaultFor(policy, architecture, number)];
}
