/** Filters for readers: what a call gets, and the program as text. */
import { BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET } from '@ts/sys';
import { formatAction } from './action.ts';
import { ARCHITECTURES, architectureOf, callName } from './architecture.ts';
import { ARCHITECTURE, lowHalf, NUMBER, runsOf } from './compile.ts';
import type { Clause, Condition, Decision } from './policy.ts';
import type { Instruction, Program } from './program.ts';

const hex = (value: bigint | number) => (value < 10 ? String(value) : `0x${value.toString(16)}`);

/** Small values are numbers to a reader, large ones and what is masked are bits. */
const shown = ({ value, mask }: Condition) => (mask === undefined && value < 0x10000n ? String(value) : hex(value));

const SIGNS = { EQ: '==', NE: '!=', LT: '<', LE: '<=', GT: '>', GE: '>=', MASKED_EQ: '==' } as const;

/** `args[0] & 0x7e020000 == 0` */
export function formatCondition(condition: Condition): string {
  const { index, comparison, mask } = condition;
  const masked = comparison === 'MASKED_EQ' ? ` & ${hex(mask ?? 0n)}` : '';
  return `args[${index}]${masked} ${SIGNS[comparison]} ${shown(condition)}`;
}

const formatConditions = ({ conditions }: Clause) => conditions.map(formatCondition).join(' and ');

/** Clauses with one action in a row, as one: `args[0] == 13|14 or args[0] < 12`. */
function formatAlternatives(clauses: readonly Clause[]): string {
  const runs = runsOf(clauses).map((run) => {
    const values = run.slice(1).flatMap(({ conditions }) => conditions.map(shown));
    return [formatConditions(run[0] as Clause), ...values].join('|');
  });
  return runs.join(' or ');
}

/** `allow if args[0] == 1, else errno(EPERM)` */
export function formatDecision({ clauses, otherwise }: Decision): string {
  const same: Clause[][] = [];
  for (const clause of clauses) {
    const last = same.at(-1);
    if (last?.[0]?.action === clause.action) last.push(clause);
    else same.push([clause]);
  }
  const parts = same.map((each) => `${formatAction((each[0] as Clause).action)} if ${formatAlternatives(each)}`);
  return [...parts, parts.length ? `else ${formatAction(otherwise)}` : formatAction(otherwise)].join(', ');
}

/** What the accumulator holds at an instruction, and which architecture the program runs for there. */
interface State {
  readonly holds: string;
  readonly token?: number;
}

const HALVES = 12;

function loaded(offset: number): string {
  if (offset === NUMBER) return 'number';
  if (offset === ARCHITECTURE) return 'arch';
  const argument = Array.from({ length: HALVES }, (_, half) => half).find((half) => lowHalf(0) + 4 * half === offset);
  return argument === undefined ? `data[${offset}]` : `args[${argument >> 1}].${argument & 1 ? 'high' : 'low'}`;
}

/** A constant, as what it is compared with: the name of an architecture, the number and name of a call. */
function constant(k: number, { holds, token }: State): string {
  if (holds === 'arch') return ARCHITECTURES.find((each) => each.token === k)?.name.replace('SCMP_ARCH_', '') ?? hex(k);
  if (holds !== 'number') return hex(k);
  const architecture = token === undefined ? undefined : architectureOf(token, k);
  const name = architecture && callName(architecture, k);
  const number = architecture?.offset ? `x32 ${k - architecture.offset}` : k > 0xffff ? hex(k) : String(k);
  return name ? `${number} (${name})` : number;
}

const COMPARISONS: Readonly<Record<number, string>> = { [BPF_JEQ]: '==', [BPF_JGT]: '>', [BPF_JGE]: '>=' };

function formatInstruction({ code, jt, jf, k }: Instruction, at: number, state: State): string {
  if (code === (BPF_LD | BPF_ABS)) return `load ${loaded(k)}`;
  if (code === (BPF_ALU | BPF_AND | BPF_K)) return `and ${hex(k)}`;
  if (code === (BPF_JMP | BPF_JA)) return `goto ${at + 1 + k}`;
  if (code === (BPF_RET | BPF_K)) return `return ${formatAction(k)}`;
  const sign = COMPARISONS[code & ~BPF_JMP];
  if ((code & BPF_JMP) !== BPF_JMP || !sign) return `unknown 0x${code.toString(16)} ${jt} ${jf} ${hex(k)}`;
  return `if ${state.holds} ${sign} ${constant(k, state)} goto ${at + 1 + jt}, else ${at + 1 + jf}`;
}

/** What follows an instruction: where, in which state. */
function successors({ code, jt, jf, k }: Instruction, at: number, state: State): readonly (readonly [number, State])[] {
  if (code === (BPF_RET | BPF_K)) return [];
  if (code === (BPF_LD | BPF_ABS)) return [[at + 1, { ...state, holds: loaded(k) }]];
  if (code === (BPF_ALU | BPF_AND | BPF_K)) return [[at + 1, { ...state, holds: `(${state.holds} & ${hex(k)})` }]];
  if (code === (BPF_JMP | BPF_JA)) return [[at + 1 + k, state]];
  const isArchitecture = state.holds === 'arch' && code === (BPF_JMP | BPF_JEQ | BPF_K);
  return [
    [at + 1 + jt, isArchitecture ? { ...state, token: k } : state],
    [at + 1 + jf, state],
  ];
}

/** Each instruction in words. Jumps lead forward only, so that one pass finds what each of them works on. */
export function describeProgram(program: Program): string[] {
  const states = new Map<number, State>([[0, { holds: 'nothing' }]]);
  return program.map((instruction, at) => {
    const state = states.get(at) ?? { holds: 'A' };
    for (const [next, then] of successors(instruction, at, state)) if (!states.has(next)) states.set(next, then);
    return formatInstruction(instruction, at, state);
  });
}
