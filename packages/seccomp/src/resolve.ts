/** From a profile to what it means here: on this architecture, with these capabilities, on this kernel. */
import { has } from '@ts/capabilities';
import { SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS } from '@ts/sys';
import { type Action, kindOf } from './action.ts';
import { ARCHITECTURES, type Architecture, callsOf } from './architecture.ts';
import { multiplexedClauses } from './multiplexed.ts';
import type { Clause, Comparison, Condition, Decision, Default, Policy } from './policy.ts';
import type { Guard, KernelVersion, Profile, Rule } from './profile.ts';

const ENOSYS = 38;

/** What the conditions of a profile's rules are about. */
export interface Circumstances {
  readonly native: Architecture;
  /** The set that `caps` asks about. */
  readonly capabilities: bigint;
  readonly kernel: KernelVersion;
}

const isReached = ([major, minor]: KernelVersion, [wanted, least]: KernelVersion) =>
  major > wanted || (major === wanted && minor >= least);

function counts({ includes = {}, excludes = {} }: Rule, { native, capabilities, kernel }: Circumstances): boolean {
  const held = (capability: number) => has(capabilities, capability);
  const isHere = ({ arches = [] }: Guard) => arches.includes(native.short);
  const isNew = ({ minKernel }: Guard) => minKernel !== undefined && isReached(kernel, minKernel);
  return (
    (includes.caps ?? []).every(held) &&
    (!includes.arches?.length || isHere(includes)) &&
    (!includes.minKernel || isNew(includes)) &&
    !(excludes.caps ?? []).some(held) &&
    !isHere(excludes) &&
    !isNew(excludes)
  );
}

function architecturesOf({ architectures, archMap }: Profile, native: Architecture): readonly Architecture[] {
  const row = archMap?.find(({ architecture }) => architecture === native.name);
  const names = [native.name, ...(row ? row.subArchitectures : []), ...(architectures ?? [])];
  return ARCHITECTURES.filter(({ name }) => names.includes(name)).sort(
    (a, b) => Number(b === native) - Number(a === native),
  );
}

/** Conditions on the same argument do not add up: each stands for itself, as container runtimes hand them to libseccomp. */
function alternatives(all: readonly Condition[]): readonly (readonly Condition[])[] {
  // Of an argument of which no bit counts, nothing is asked.
  const conditions = all.filter(({ comparison, mask }) => comparison !== 'MASKED_EQ' || mask);
  const indices = conditions.map(({ index }) => index);
  return new Set(indices).size === indices.length ? [conditions] : conditions.map((condition) => [condition]);
}

/** What is looked at first, of clauses that hold at once: as libseccomp orders the comparisons of an argument. */
const RANK: Readonly<Record<Comparison, number>> = { EQ: 0, NE: 0, MASKED_EQ: 0, LT: 1, LE: 1, GT: 2, GE: 2 };

function compareConditions(a: Condition | undefined, b: Condition | undefined): number {
  if (!a || !b) return Number(!a) - Number(!b);
  if (a.index !== b.index) return b.index - a.index;
  if (RANK[a.comparison] !== RANK[b.comparison]) return RANK[a.comparison] - RANK[b.comparison];
  // Of two bounds the narrower one.
  const smaller = Number(a.value > b.value) - Number(a.value < b.value);
  return RANK[a.comparison] === 1 ? smaller : -smaller;
}

const highestFirst = (conditions: readonly Condition[]) => [...conditions].sort((a, b) => b.index - a.index);

function compareClauses(a: Clause, b: Clause): number {
  const [left, right] = [highestFirst(a.conditions), highestFirst(b.conditions)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = compareConditions(left[at], right[at]);
    if (order) return order;
  }
  return 0;
}

/** A clause without conditions stands above all others, the first one where there are several. */
function decide(clauses: readonly Clause[], always: (action: Action) => Decision, defaultAction: Action): Decision {
  const unconditional = clauses.find(({ conditions }) => conditions.length === 0);
  if (unconditional) return always(unconditional.action);
  return { clauses: [...clauses].sort(compareClauses), otherwise: defaultAction };
}

/** Most calls are decided whatever their arguments: one object for all of them that get the same. */
function constants(): (action: Action) => Decision {
  const made = new Map<Action, Decision>();
  return (action) => {
    const decision = made.get(action) ?? { clauses: [], otherwise: action };
    made.set(action, decision);
    return decision;
  };
}

function decisionsOf(rules: readonly Rule[], architecture: Architecture, defaultAction: Action): Map<number, Decision> {
  const calls = callsOf(architecture);
  const found = new Map<number, Clause[]>();
  const add = (number: number, clause: Clause) => {
    const list = found.get(number);
    if (list) list.push(clause);
    else found.set(number, [clause]);
  };
  for (const { names, action, conditions = [] } of rules)
    for (const alternative of alternatives(conditions)) {
      const clause = { conditions: alternative, action };
      for (const name of names) {
        const number = calls.get(name);
        if (number !== undefined) add(number, clause);
        for (const [multiplexer, made] of multiplexedClauses(architecture, name, clause)) add(multiplexer, made);
      }
    }
  const always = constants();
  const decisions = new Map<number, Decision>();
  for (const [number, clauses] of found) decisions.set(number, decide(clauses, always, defaultAction));
  return decisions;
}

/** The rules that count here. Those that do what is done anyway are left out, as container runtimes do. */
export const rulesFor = (profile: Profile, circumstances: Circumstances): readonly Rule[] =>
  profile.rules.filter((rule) => rule.action !== profile.defaultAction && counts(rule, circumstances));

/** The profile, as one whose author knew what it names, and nothing newer. */
export const dated = (profile: Profile): Profile => ({
  ...profile,
  knows: profile.rules.flatMap(({ names }) => names),
});

/**
 * A program that finds a call missing does without it; one that is refused it gives up. So what is newer than all that the
 * profile's author knew does not exist where it would be an error anyway: C libraries try new calls first.
 */
function defaultsOf({ knows, defaultAction }: Profile, architecture: Architecture): readonly Default[] {
  if (!knows || kindOf(defaultAction) !== SECCOMP_RET_ERRNO) return [];
  const { ageless: [from, to] = [Number.POSITIVE_INFINITY, 0], offset } = architecture;
  const calls = callsOf(architecture);
  const newest = knows.reduce((most, name) => {
    const number = calls.get(name) ?? from;
    return number < from ? Math.max(most, number) : most;
  }, offset);
  if (newest === offset) return [];
  const missing = (SECCOMP_RET_ERRNO | ENOSYS) >>> 0;
  const all = [{ from: newest + 1, action: missing }];
  return to ? [...all, { from, action: defaultAction }, { from: to, action: missing }] : all;
}

/** The policy of a profile. */
export function resolveProfile(profile: Profile, circumstances: Circumstances): Policy {
  const { defaultAction, flags = 0 } = profile;
  const rules = rulesFor(profile, circumstances);
  const architectures = architecturesOf(profile, circumstances.native);
  return {
    architectures,
    decisions: new Map(architectures.map((each) => [each, decisionsOf(rules, each, defaultAction)])),
    defaultAction,
    defaults: new Map(architectures.map((each) => [each, defaultsOf(profile, each)])),
    otherArchitectures: SECCOMP_RET_KILL_PROCESS,
    flags,
  };
}
