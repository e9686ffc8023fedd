/** Programs decide as the policies that they come from, on every call and at the edges of arguments. */
import { BPF_JA, BPF_JMP, BPF_LD, BPF_MAXINSNS, BPF_RET, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO } from '@ts/sys';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { encodeCall, interpret, verify } from '../testing/interpret.ts';
import {
  AARCH64,
  ARM,
  type Architecture,
  type Comparison,
  type Condition,
  callsOf,
  compilePolicy,
  DEFAULT_PROFILE,
  type Decision,
  dated,
  evaluate,
  type Policy,
  type Profile,
  resolveProfile,
  STRICT_PROFILE,
  TooLong,
  X32,
  X32_BIT,
  X86,
  X86_64,
} from './index.ts';
import { Assembler, Label } from './program.ts';

// Many programs run on many calls: on a machine that is busy that takes its time.
vi.setConfig({ testTimeout: 60_000 });

const CONTAINER = 0xa80425fbn;
const here = { native: X86_64, capabilities: CONTAINER, kernel: [6, 1] } as const;
const TOKENS = [X86_64, X86, AARCH64, ARM].map(({ token }) => token);
const UNKNOWN_TOKEN = 0xc0000016;

/** The values around one, in both halves of an argument. */
const around = (value: bigint) =>
  [value - 1n, value, value + 1n, value | (1n << 32n), value ^ (1n << 63n)].map((each) => BigInt.asUintN(64, each));

const EDGES = [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, (1n << 64n) - 1n];

/** Lists of arguments that a decision's conditions tell apart. */
function argumentsFor(decision: Decision | undefined): (readonly bigint[])[] {
  const conditions = decision?.clauses.flatMap((clause) => clause.conditions) ?? [];
  const values = (index: number) =>
    conditions.filter((condition) => condition.index === index).flatMap(({ value, mask = 0n }) => [value, mask]);
  const lists: bigint[][] = [[0n, 0n, 0n, 0n, 0n, 0n]];
  for (const index of new Set(conditions.map((condition) => condition.index)))
    for (const list of [...lists].slice(0, 2))
      for (const value of new Set([...EDGES, ...values(index).flatMap(around)])) lists.push(list.with(index, value));
  return lists;
}

/** Every number that an architecture has, those next to them, and far ones; with and without the bit of x32. */
function numbers(): number[] {
  const known = [X86_64, X86, X32, AARCH64, ARM].flatMap((each) => [...callsOf(each).values()]);
  const all = new Set([...known, ...known.map((number) => number + 1), ...Array.from({ length: 600 }, (_, at) => at)]);
  return [
    ...all,
    ...[...all].map((number) => (number | X32_BIT) >>> 0),
    X32_BIT - 1,
    0x7fffffff,
    0x80000000,
    0xffffffff,
  ];
}
const NUMBERS = [...new Set(numbers())];

function expectSame(policy: Policy, all: readonly number[] = NUMBERS): number {
  const program = compilePolicy(policy);
  verify(program);
  for (const token of [...TOKENS, UNKNOWN_TOKEN])
    for (const number of all) {
      const decisions = policy.architectures.map((each) => policy.decisions.get(each)?.get(number));
      for (const args of decisions.flatMap(argumentsFor)) {
        const call = { number, token, args };
        const decided = evaluate(policy, call);
        if (interpret(program, encodeCall(call)) !== decided)
          expect({ number, token, args, action: interpret(program, encodeCall(call)) }).toEqual({
            number,
            token,
            args,
            action: decided,
          });
      }
    }
  return program.length;
}

describe('the built-in profiles', () => {
  for (const native of [X86_64, AARCH64])
    for (const [name, profile] of [
      ['default', DEFAULT_PROFILE],
      ['strict', STRICT_PROFILE],
    ] as const)
      for (const capabilities of [0n, CONTAINER, (1n << 41n) - 1n])
        test(`${name}, ${native.short}, capabilities 0x${capabilities.toString(16)}`, () => {
          expect(expectSame(resolveProfile(dated(profile), { ...here, native, capabilities }))).toBeLessThan(700);
        });
});

test('profiles that know little, where newer calls do not exist', () => {
  for (const names of [['read'], ['statx', 'set_tls'], ['pidfd_open'], ['execveat', 'rseq']])
    for (const native of [X86_64, AARCH64, ARM, X86])
      expectSame(
        resolveProfile(
          dated({
            defaultAction: SECCOMP_RET_ERRNO | 1,
            architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM'],
            rules: [{ names, action: SECCOMP_RET_ALLOW }],
          }),
          { ...here, native },
        ),
      );
});

const architectures = fc.subarray([X86_64, X86, X32, AARCH64, ARM] as Architecture[], { minLength: 1 });
const action = fc.oneof(
  fc.constant(SECCOMP_RET_ALLOW),
  fc.integer({ min: 1, max: 5 }).map((errno) => SECCOMP_RET_ERRNO | errno),
);
const value = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt(0n, (1n << 64n) - 1n));
const comparisons = ['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'] as const satisfies readonly Comparison[];
const condition: fc.Arbitrary<Condition> = fc.record({
  index: fc.integer({ min: 0, max: 5 }),
  comparison: fc.constantFrom(...comparisons),
  value,
  mask: value,
});
const decision: fc.Arbitrary<Decision> = fc.record({
  clauses: fc.array(fc.record({ conditions: fc.array(condition, { minLength: 1, maxLength: 3 }), action }), {
    maxLength: 4,
  }),
  otherwise: action,
});
/** Numbers close to one another and far apart. */
const number = fc.oneof(
  fc.nat(20),
  fc.nat(500),
  fc.integer({ min: X32_BIT - 3, max: X32_BIT + 3 }),
  fc.constant(0xffffffff),
);

test('any policy', () => {
  fc.assert(
    fc.property(architectures, fc.array(fc.tuple(number, decision), { maxLength: 12 }), action, (all, list, other) => {
      const policy: Policy = {
        architectures: all,
        decisions: new Map(
          all.map((each) => [each, new Map(list.map(([at, what]) => [(at & (X32_BIT - 1)) + each.offset, what]))]),
        ),
        defaultAction: other,
        otherArchitectures: 0,
        flags: 0,
      };
      const asked = list.flatMap(([at]) => [at - 1, at, at + 1, at | X32_BIT].map((each) => each >>> 0));
      expectSame(policy, [...new Set([0, ...asked])]);
    }),
    { numRuns: 30 },
  );
});

describe('one rule, each comparison', () => {
  for (const comparison of comparisons)
    test(comparison, () => {
      for (const value of EDGES)
        for (const mask of EDGES) {
          const profile: Profile = {
            defaultAction: SECCOMP_RET_ALLOW,
            architectures: ['SCMP_ARCH_X86'],
            rules: [
              {
                names: ['read'],
                action: SECCOMP_RET_ERRNO | 7,
                conditions: [{ index: 3, comparison, value, mask: comparison === 'MASKED_EQ' ? mask : undefined }],
              },
            ],
          };
          expectSame(resolveProfile(profile, here), [0, 3]);
        }
    });
});

describe('long programs', () => {
  /** Every number decided otherwise than its neighbours, so that nothing can be taken together. */
  const policyOf = (count: number): Policy => ({
    architectures: [X86_64],
    decisions: new Map([
      [
        X86_64,
        new Map(
          Array.from({ length: count }, (_, at) => [
            at,
            { clauses: [], otherwise: SECCOMP_RET_ERRNO | (1 + (at % 3)) },
          ]),
        ),
      ],
    ]),
    defaultAction: SECCOMP_RET_ALLOW,
    otherArchitectures: 0,
    flags: 0,
  });

  test('jumps past 255 instructions', () => {
    const policy = policyOf(2000);
    const program = compilePolicy(policy);
    expect(program.some(({ code }) => code === (BPF_JMP | BPF_JA))).toBe(true);
    expectSame(
      policy,
      Array.from({ length: 2002 }, (_, at) => at),
    );
  });

  test('as many as the kernel takes, and not one more', () => {
    let count = 2000;
    const length = (many: number) => {
      try {
        return compilePolicy(policyOf(many)).length;
      } catch (error) {
        return (error as TooLong).length;
      }
    };
    while (length(count) <= BPF_MAXINSNS) count++;
    expect(() => compilePolicy(policyOf(count - 1))).not.toThrow();
    expect(() => compilePolicy(policyOf(count))).toThrow(TooLong);
  });

  test('both ways of a comparison too far', () => {
    const to = new Assembler();
    const [yes, no] = [new Label(), new Label()];
    to.jump(0x15, 1, yes, no);
    for (let at = 0; at < 254; at++) to.add(BPF_LD | 0x20, 0);
    to.place(yes);
    to.add(BPF_RET, 1);
    for (let at = 0; at < 300; at++) to.add(BPF_LD | 0x20, 0);
    to.place(no);
    to.add(BPF_RET, 2);
    const program = to.finish();
    verify(program);
    expect(interpret(program, Buffer.alloc(64))).toBe(2);
    expect(interpret([{ code: 0x20, jt: 0, jf: 0, k: 0 }, ...program], Buffer.alloc(64, Buffer.of(1, 0, 0, 0)))).toBe(
      1,
    );
  });
});

describe('what the kernel finds out beforehand', () => {
  /** With its number and architecture known, and nothing else. */
  const KNOWN = 8;

  test('all calls that are allowed whatever their arguments, and no others', () => {
    const policy = resolveProfile(DEFAULT_PROFILE, here);
    const program = compilePolicy(policy);
    let allowed = 0;
    for (const architecture of policy.architectures)
      for (const number of callsOf(architecture).values()) {
        const { clauses = [], otherwise = policy.defaultAction } =
          policy.decisions.get(architecture)?.get(number) ?? {};
        const data = encodeCall({ number, token: architecture.token, args: [] });
        const always = clauses.length === 0 && otherwise === SECCOMP_RET_ALLOW;
        expect(interpret(program, data, KNOWN) === SECCOMP_RET_ALLOW).toBe(always);
        allowed += Number(always);
      }
    expect(allowed).toBeGreaterThan(900);
  });

  test('no call takes more than a few comparisons', () => {
    const policy = resolveProfile(DEFAULT_PROFILE, here);
    const program = compilePolicy(policy);
    const deepest = Math.max(
      ...[...callsOf(X86_64).values()].map((number) => {
        let steps = 0;
        const counted = program.map((instruction) => instruction);
        const proxy = new Proxy(counted, {
          get: (target, key) => {
            if (typeof key === 'string' && /^\d+$/.test(key)) steps++;
            return Reflect.get(target, key);
          },
        });
        interpret(proxy, encodeCall({ number, token: X86_64.token, args: [] }), KNOWN);
        return steps;
      }),
    );
    // Two loads, two comparisons with what tells architectures apart, the tree, the return.
    expect(deepest).toBeLessThanOrEqual(5 + 8);
  });
});
