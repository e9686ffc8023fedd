/**
 * Control of devices: the rules of cgroup v1 (devices.allow, devices.deny), and the BPF program that does on v2 what they
 * say. Pure.
 */
import {
  BPF_DEVCG_ACC_MKNOD,
  BPF_DEVCG_ACC_READ,
  BPF_DEVCG_ACC_WRITE,
  BPF_DEVCG_DEV_BLOCK,
  BPF_DEVCG_DEV_CHAR,
  parseDecimal,
  U32_MAX,
} from '@ts/sys';

/** `c 1:3 rw`: undefined stands for every type or number. */
export interface Exception {
  readonly type?: 'b' | 'c';
  readonly major?: number;
  readonly minor?: number;
  /** Letters out of `rwm`, in this order. */
  readonly access: string;
}

/** Everything is allowed but the exceptions, or nothing is but these. */
export interface DeviceRules {
  readonly allow: boolean;
  readonly exceptions: readonly Exception[];
}

export const EVERYTHING: DeviceRules = { allow: true, exceptions: [] };

/** Undefined for any, null for what is none. */
const number = (text: string) => (text === '*' ? undefined : (parseDecimal(text, U32_MAX) ?? null));

/** `a`, or `b`/`c` with `MAJOR:MINOR` and some of `rwm`; `all` for the first, undefined for what is none. */
export function parseException(text: string): Exception | 'all' | undefined {
  const value = text.trim();
  if (/^a(\s|$)/.test(value)) return 'all';
  const match = /^([bc])\s+(\d+|\*):(\d+|\*)\s+([rwm]{1,3})$/.exec(value);
  if (!match) return undefined;
  const [, type, major, minor, letters] = match as unknown as [string, 'b' | 'c', string, string, string];
  const access = [...'rwm'].filter((letter) => letters.includes(letter)).join('');
  const [first, second] = [number(major), number(minor)];
  return first === null || second === null ? undefined : { type, major: first, minor: second, access };
}

/** As devices.list of v1 shows it. */
export const formatException = ({ type = 'c', major, minor, access }: Exception) =>
  `${type} ${major ?? '*'}:${minor ?? '*'} ${access}`;

const isSame = (a: Exception, b: Exception) => a.type === b.type && a.major === b.major && a.minor === b.minor;
const without = (access: string, letters: string) => [...access].filter((letter) => !letters.includes(letter)).join('');

/** The rules after a line was written to devices.allow or devices.deny, as v1 has it; undefined for a line that is none. */
export function changeRules(rules: DeviceRules, file: 'allow' | 'deny', line: string): DeviceRules | undefined {
  const change = parseException(line);
  if (change === undefined) return undefined;
  const allow = file === 'allow';
  if (change === 'all') return { allow, exceptions: [] };
  const { exceptions } = rules;
  // What is as the default says is an exception less; what is against it is one more.
  if (allow === rules.allow)
    return {
      ...rules,
      exceptions: exceptions
        .map((each) => (isSame(each, change) ? { ...each, access: without(each.access, change.access) } : each))
        .filter(({ access }) => access),
    };
  const known = exceptions.find((each) => isSame(each, change));
  if (!known) return { ...rules, exceptions: [...exceptions, change] };
  const access = [...'rwm'].filter((letter) => (known.access + change.access).includes(letter)).join('');
  return { ...rules, exceptions: exceptions.map((each) => (each === known ? { ...each, access } : each)) };
}

/** Text in which rules are kept beside the group: the default, then an exception a line. */
export const formatRules = ({ allow, exceptions }: DeviceRules) =>
  [allow ? 'allow' : 'deny', ...exceptions.map(formatException)].join('\n');

export function parseRules(text: string): DeviceRules | undefined {
  const [first, ...lines] = text.split('\n').filter(Boolean);
  const exceptions = lines.map(parseException);
  if ((first !== 'allow' && first !== 'deny') || exceptions.some((each) => each === undefined || each === 'all'))
    return undefined;
  return { allow: first === 'allow', exceptions: exceptions as Exception[] };
}

/** FNV-1a: node:crypto would cost every start of a tool more than this. */
const hashOf = (text: string): bigint =>
  Buffer.from(text).reduce(
    (hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n),
    0xcbf29ce484222325n,
  );

/** Name of the program for these rules: by it they are known to be those in force. */
export const programName = (rules: DeviceRules) =>
  `ts_${hashOf(formatRules(rules)).toString(16).padStart(16, '0').slice(0, 12)}`;

/** devices.list of v1; with `against`, the exceptions to the default instead. */
export function listRules({ allow, exceptions }: DeviceRules, against = false): string {
  const lines = exceptions.map(formatException);
  return (allow && !against ? ['a *:* rwm'] : lines).join('\n');
}

// Operation codes of linux/bpf.h, as the five sorts of instructions that are used here.
const LOAD_WORD = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const COPY = 0xbf; // BPF_ALU64 | BPF_MOV | BPF_X
const SET = 0xb7; // BPF_ALU64 | BPF_MOV | BPF_K
const AND = 0x57; // BPF_ALU64 | BPF_AND | BPF_K
const SHIFT_RIGHT = 0x77; // BPF_ALU64 | BPF_RSH | BPF_K
const JUMP_UNLESS_EQUAL = 0x55; // BPF_JMP | BPF_JNE | BPF_K
const EXIT = 0x95; // BPF_JMP | BPF_EXIT

// Registers: what is returned, the context, and what is asked for.
const [RESULT, CONTEXT, TYPE, ACCESS, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5] as const;

/** An instruction: operation, registers, jump in instructions, constant. */
function instruction(code: number, to: number, from = 0, offset = 0, constant = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code, 0);
  bytes.writeUInt8(to | (from << 4), 1);
  bytes.writeInt16LE(offset, 2);
  bytes.writeInt32LE(constant, 4);
  return bytes;
}

const BITS = { r: BPF_DEVCG_ACC_READ, w: BPF_DEVCG_ACC_WRITE, m: BPF_DEVCG_ACC_MKNOD } as const;
const ALL_ACCESS = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

/**
 * The tests of one exception; whichever fails goes on behind them.
 *
 * An exception that allows must cover all that is asked for, one that denies any part of it.
 */
function testsOf({ type, major, minor, access }: Exception, denies: boolean): Buffer[] {
  const mask = [...access].reduce((sum, letter) => sum | BITS[letter as keyof typeof BITS], 0);
  const unless = (register: number, wanted: number) => (behind: number) =>
    instruction(JUMP_UNLESS_EQUAL, register, 0, behind, wanted);
  const plain = (bytes: Buffer) => () => bytes;
  const tests: ((behind: number) => Buffer)[] = [];
  if (type) tests.push(unless(TYPE, type === 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
  if (major !== undefined) tests.push(unless(MAJOR, major));
  if (minor !== undefined) tests.push(unless(MINOR, minor));
  if (mask !== ALL_ACCESS) {
    tests.push(plain(instruction(COPY, RESULT, ACCESS)));
    tests.push(plain(instruction(AND, RESULT, 0, 0, denies ? mask : ALL_ACCESS & ~mask)));
    // Denied: over the next jump where a part is met. Allowed: on where nothing is asked for beyond it.
    if (denies) tests.push(() => instruction(JUMP_UNLESS_EQUAL, RESULT, 0, 1, 0));
    if (denies)
      tests.push((behind) => instruction(0x05, 0, 0, behind)); // BPF_JMP | BPF_JA
    else tests.push(unless(RESULT, 0));
  }
  const verdict = [instruction(SET, RESULT, 0, 0, denies ? 0 : 1), instruction(EXIT, 0)];
  const size = tests.length + verdict.length;
  return [...tests.map((test, index) => test(size - index - 1)), ...verdict];
}

/** Instructions of a BPF_PROG_TYPE_CGROUP_DEVICE program that decides as the rules do: 1 allows, 0 is EPERM. */
export function compileRules({ allow, exceptions }: DeviceRules): Buffer {
  return Buffer.concat([
    // struct bpf_cgroup_dev_ctx: access << 16 | type, major, minor.
    instruction(LOAD_WORD, TYPE, CONTEXT, 0),
    instruction(COPY, ACCESS, TYPE),
    instruction(AND, TYPE, 0, 0, 0xffff),
    instruction(SHIFT_RIGHT, ACCESS, 0, 0, 16),
    instruction(LOAD_WORD, MAJOR, CONTEXT, 4),
    instruction(LOAD_WORD, MINOR, CONTEXT, 8),
    ...exceptions.flatMap((exception) => testsOf(exception, allow)),
    instruction(SET, RESULT, 0, 0, allow ? 1 : 0),
    instruction(EXIT, 0),
  ]);
}
