/**
 * Compiles a policy to a program of classic BPF, as the kernel takes it for seccomp(2).
 *
 * First the architecture, then a balanced tree over the ranges of numbers that are decided alike, so that any call takes
 * about log2 of their count comparisons. Arguments are looked at only where a decision needs them: for all other calls the
 * kernel finds out once, when the filter is set, that they are always allowed, and does not run it for them again.
 */
import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_MAXINSNS,
  BPF_RET,
  BPF_W,
  Failure,
} from '@ts/sys';
import type { Action } from './action.ts';
import { type Architecture, X32_BIT, X86_64 } from './architecture.ts';
import { type Clause, type Condition, type Decision, defaultFor, type Policy } from './policy.ts';
import { Assembler, Label, type Program } from './program.ts';

/** Offsets in `struct seccomp_data`; both architectures are little-endian. */
export const NUMBER = 0;
export const ARCHITECTURE = 4;
export const lowHalf = (index: number): number => 16 + 8 * index;
export const highHalf = (index: number): number => lowHalf(index) + 4;

const LOAD = BPF_LD | BPF_W | BPF_ABS;
const RETURN = BPF_RET | BPF_K;
const [EQUAL, ABOVE, AT_LEAST] = [BPF_JEQ, BPF_JGT, BPF_JGE].map((code) => BPF_JMP | code | BPF_K) as [
  number,
  number,
  number,
];
const AND = BPF_ALU | BPF_AND | BPF_K;

/** The program is longer than the kernel takes. */
export class TooLong extends Failure {
  constructor(readonly length: number) {
    super(`the filter has ${length} instructions, the kernel takes ${BPF_MAXINSNS}`);
  }
}

const HALF = 32;
const FULL = 0xffffffff;
const ALL = (1n << 64n) - 1n;
const low = (value: bigint) => Number(BigInt.asUintN(HALF, value));
const high = (value: bigint) => Number(BigInt.asUintN(HALF, value >> BigInt(HALF)));

/** Goes to `yes` where the condition holds, to `no` where not. */
function writeCondition(
  to: Assembler,
  { index, comparison, value, mask = 0n }: Condition,
  bits: number,
  yes: Label,
  no: Label,
) {
  const wide = bits > HALF;
  const load = (half: 'high' | 'low') => to.add(LOAD, half === 'high' ? highHalf(index) : lowHalf(index));
  /** Halves of which no bit counts are passed over. */
  const equals = (wanted: bigint, counting: bigint, ifSo: Label, ifNot: Label) => {
    const halves = (wide ? (['high', 'low'] as const) : (['low'] as const))
      .map((half) => ({ half, part: half === 'high' ? high : low }))
      .filter(({ part }) => part(counting) !== 0);
    for (const [at, { half, part }] of halves.entries()) {
      load(half);
      if (part(counting) !== FULL) to.add(AND, part(counting));
      to.jump(EQUAL, part(wanted), at + 1 < halves.length ? undefined : ifSo, ifNot);
    }
    if (!halves.length) to.jump(AT_LEAST, 0, ifSo, ifSo);
  };
  /** Whether the argument is above the value, or at least it. */
  const exceeds = (code: number, ifSo: Label, ifNot: Label) => {
    if (wide) {
      load('high');
      to.jump(ABOVE, high(value), ifSo, undefined);
      to.jump(EQUAL, high(value), undefined, ifNot);
    }
    load('low');
    to.jump(code, low(value), ifSo, ifNot);
  };
  switch (comparison) {
    case 'EQ':
      return equals(value, ALL, yes, no);
    case 'NE':
      return equals(value, ALL, no, yes);
    case 'MASKED_EQ':
      return equals(value & mask, mask, yes, no);
    case 'GT':
      return exceeds(ABOVE, yes, no);
    case 'LE':
      return exceeds(ABOVE, no, yes);
    case 'GE':
      return exceeds(AT_LEAST, yes, no);
    case 'LT':
      return exceeds(AT_LEAST, no, yes);
  }
}

/** Numbers from `from` up to the next range. */
interface Range {
  readonly from: number;
  readonly target: Label;
}

/** Returns, each written once behind what leads to it. */
class Returns {
  private readonly labels = new Map<Action, Label>();

  of(action: Action): Label {
    const label = this.labels.get(action) ?? new Label();
    this.labels.set(action, label);
    return label;
  }

  write(to: Assembler): void {
    for (const [action, label] of this.labels) {
      to.place(label);
      to.add(RETURN, action);
    }
  }
}

const isConstant = ({ clauses, otherwise }: Decision) => clauses.every(({ action }) => action === otherwise);

const keyOf = (decision: Decision) =>
  JSON.stringify(decision, (_, value) => (typeof value === 'bigint' ? String(value) : value));

/** Ranges of numbers that are decided alike, ascending, from 0 on. */
function rangesOf(policy: Policy, architecture: Architecture, labelOf: (decision: Decision) => Label) {
  const decisions: ReadonlyMap<number, Decision> = policy.decisions.get(architecture) ?? new Map();
  const starts = policy.defaults?.get(architecture)?.map(({ from }) => from) ?? [];
  const otherwise = (number: number) => labelOf({ clauses: [], otherwise: defaultFor(policy, architecture, number) });
  const ranges: Range[] = [];
  const add = (from: number, target: Label) => {
    if (ranges.at(-1)?.from === from) ranges.pop();
    if (ranges.at(-1)?.target !== target) ranges.push({ from, target });
  };
  add(0, otherwise(0));
  for (const number of Uint32Array.from(new Set([...starts, ...decisions.keys()])).sort()) {
    const decision = decisions.get(number);
    add(number, decision ? labelOf(decision) : otherwise(number));
    if (decision) add(number + 1, otherwise(number + 1));
  }
  return ranges;
}

/** A balanced tree of comparisons with the number: left the ranges before the middle one, which follow at once. */
function writeTree(to: Assembler, ranges: readonly Range[]): void {
  const [only] = ranges as [Range];
  if (ranges.length === 1) {
    to.jump(AT_LEAST, 0, only.target, only.target);
    return;
  }
  const middle = ranges.length >> 1;
  const [before, after] = [ranges.slice(0, middle), ranges.slice(middle)] as [[Range], [Range]];
  const right = after.length === 1 ? after[0].target : new Label();
  to.jump(AT_LEAST, after[0].from, right, before.length === 1 ? before[0].target : undefined);
  if (before.length > 1) writeTree(to, before);
  if (after.length > 1) {
    to.place(right);
    writeTree(to, after);
  }
}

/** Where the clause asks for nothing but one value of an argument: what all such clauses in a row have in common. */
const valueAsked = ({ conditions: [first, second], action }: Clause) =>
  first?.comparison === 'EQ' && !second ? `${first.index} ${high(first.value)} ${action}` : undefined;

/** Clauses in order; those that compare one argument with one value after another, together. */
export function runsOf(clauses: readonly Clause[]): Clause[][] {
  const runs: Clause[][] = [];
  for (const clause of clauses) {
    const last = runs.at(-1);
    const asked = valueAsked(clause);
    if (last?.[0] && asked !== undefined && valueAsked(last[0]) === asked) last.push(clause);
    else runs.push([clause]);
  }
  return runs;
}

/** The argument is one of several values with the same upper half. */
function writeValues(to: Assembler, values: readonly Condition[], bits: number, yes: Label, no: Label): void {
  const [{ index, value }] = values as [Condition];
  if (bits > HALF) {
    to.add(LOAD, highHalf(index));
    to.jump(EQUAL, high(value), undefined, no);
  }
  to.add(LOAD, lowHalf(index));
  for (const [at, each] of values.entries())
    to.jump(EQUAL, low(each.value), yes, at + 1 < values.length ? undefined : no);
}

function writeConditions(to: Assembler, conditions: readonly Condition[], bits: number, yes: Label, no: Label): void {
  for (const [at, condition] of conditions.entries()) {
    const last = at + 1 === conditions.length;
    const holds = last ? yes : new Label();
    writeCondition(to, condition, bits, holds, no);
    if (!last) to.place(holds);
  }
}

function writeDecision(to: Assembler, { clauses, otherwise }: Decision, bits: number, returns: Returns): void {
  const runs = runsOf(clauses);
  for (const [at, run] of runs.entries()) {
    const [{ action, conditions }] = run as [Clause];
    const last = at + 1 === runs.length;
    const next = last ? returns.of(otherwise) : new Label();
    if (run.length > 1)
      writeValues(
        to,
        run.flatMap((each) => each.conditions),
        bits,
        returns.of(action),
        next,
      );
    else writeConditions(to, conditions, bits, returns.of(action), next);
    if (!last) to.place(next);
  }
}

/** All that is decided on the calls of one architecture. */
function writeArchitecture(to: Assembler, policy: Policy, architecture: Architecture): void {
  const near = new Returns();
  const blocks = new Map<string, { readonly label: Label; readonly decision: Decision }>();
  const known = new Map<Decision, Label>();
  const newLabelOf = (decision: Decision) => {
    if (isConstant(decision)) return near.of(decision.otherwise);
    const key = keyOf(decision);
    const block = blocks.get(key) ?? { label: new Label(), decision };
    blocks.set(key, block);
    return block.label;
  };
  const labelOf = (decision: Decision) => {
    const label = known.get(decision) ?? newLabelOf(decision);
    known.set(decision, label);
    return label;
  };
  writeTree(to, rangesOf(policy, architecture, labelOf));
  near.write(to);
  const returns = new Returns();
  for (const { label, decision } of blocks.values()) {
    to.place(label);
    writeDecision(to, decision, architecture.bits, returns);
  }
  returns.write(to);
}

/** x86-64 and x32 are one architecture to the kernel; a bit in the number tells them apart. */
function writeToken(to: Assembler, policy: Policy, architectures: readonly Architecture[]): void {
  const isX86 = architectures.some(({ token }) => token === X86_64.token);
  to.add(LOAD, NUMBER);
  const [plain, withBit] = [0, X32_BIT].map((offset) => architectures.find((each) => each.offset === offset));
  const other = new Label();
  if (isX86) to.jump(AT_LEAST, X32_BIT, other, undefined);
  for (const architecture of [plain, withBit]) {
    if (architecture === withBit && isX86) to.place(other);
    if (architecture) writeArchitecture(to, policy, architecture);
    else if (isX86) to.add(RETURN, policy.otherArchitectures);
  }
}

function byToken(architectures: readonly Architecture[]): Map<number, Architecture[]> {
  const tokens = new Map<number, Architecture[]>();
  for (const architecture of architectures)
    tokens.set(architecture.token, [...(tokens.get(architecture.token) ?? []), architecture]);
  return tokens;
}

/** The program of a policy. Throws TooLong. */
export function compilePolicy(policy: Policy): Program {
  const to = new Assembler();
  to.add(LOAD, ARCHITECTURE);
  for (const [token, architectures] of byToken(policy.architectures)) {
    const other = new Label();
    to.jump(EQUAL, token, undefined, other);
    writeToken(to, policy, architectures);
    to.place(other);
  }
  to.add(RETURN, policy.otherArchitectures);
  const program = to.finish();
  if (program.length > BPF_MAXINSNS) throw new TooLong(program.length);
  return program;
}
