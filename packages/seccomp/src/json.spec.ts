import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
} from '@ts/sys';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACTIONS,
  callsOf,
  DEFAULT_PROFILE,
  formatProfile,
  type Profile,
  ProfileError,
  parseProfile,
  resolveProfile,
  STRICT_PROFILE,
  X86_64,
} from './index.ts';

const NOTIFY = 0x7fc00000;

const rule = (members: string) => `{"defaultAction": "SCMP_ACT_ERRNO",\n"syscalls": [\n{${members}}]}`;
const READ = '"names": ["read"], "action": "SCMP_ACT_ALLOW"';

describe('read', () => {
  test('the form of container engines', () => {
    const profile = parseProfile(`{
      "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
      "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
        {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}
      ],
      "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
      "syscalls": [
        {"names": ["read", "riscv_flush_icache"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {}, "excludes": {}},
        {"name": "clone", "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 5, "op": "SCMP_CMP_MASKED_EQ"}],
         "includes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["amd64", "s390x"], "minKernel": "4.8"}},
        {"names": ["write"], "action": "SCMP_ACT_TRACE", "errnoRet": 500, "args": null}
      ]}`);
    expect(profile).toMatchObject({
      defaultAction: SECCOMP_RET_ERRNO | 38,
      flags: 6,
      archMap: [
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
        { architecture: 'SCMP_ARCH_RISCV64', subArchitectures: [] },
      ],
      rules: [
        { names: ['read', 'riscv_flush_icache'], action: SECCOMP_RET_ALLOW, conditions: [] },
        {
          names: ['clone'],
          // More than a double has digits for.
          conditions: [{ index: 1, comparison: 'MASKED_EQ', mask: 0xffffffffffffffffn, value: 5n }],
          includes: { caps: [21], arches: ['amd64', 's390x'], minKernel: [4, 8] },
        },
        { names: ['write'], action: SECCOMP_RET_TRACE | 500 },
      ],
    });
  });
  test.each([
    ['"SCMP_ACT_ERRNO"', SECCOMP_RET_ERRNO | 1],
    ['"SCMP_ACT_ERRNO", "errnoRet": 0', SECCOMP_RET_ERRNO],
    ['"SCMP_ACT_ERRNO", "errno": "ENOSYS"', SECCOMP_RET_ERRNO | 38],
    ['"SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EPERM"', SECCOMP_RET_ERRNO | 1],
    ['"SCMP_ACT_KILL"', 0],
    ['"SCMP_ACT_KILL_PROCESS"', SECCOMP_RET_KILL_PROCESS],
    ['"SCMP_ACT_LOG"', SECCOMP_RET_LOG],
  ])('action %s', (text, action) => {
    expect(parseProfile(rule(`"names": ["read"], "action": ${text}`)).rules[0]?.action).toBe(action);
  });
});

/** Without what says nothing: empty lists, members that are undefined. */
const bare = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(bare)
    : typeof value === 'object' && value
      ? Object.fromEntries(
          Object.entries(value)
            .map(([key, each]) => [key, bare(each)] as const)
            .filter(([, each]) => each !== undefined && !(Array.isArray(each) && !each.length)),
        )
      : value;

describe('written and read again', () => {
  test.each([
    ['default', DEFAULT_PROFILE],
    ['strict', STRICT_PROFILE],
  ])('%s', (_, profile) => {
    const rules = profile.rules.filter(({ names }) => names.length);
    expect(bare(parseProfile(formatProfile(profile)))).toEqual(bare({ flags: 0, ...profile, rules }));
  });
  test('any rule', () => {
    const value = fc.bigInt(0n, (1n << 64n) - 1n);
    const index = fc.integer({ min: 0, max: 5 });
    const condition = fc.oneof(
      fc.record({ index, comparison: fc.constantFrom('EQ', 'NE', 'LT', 'LE', 'GT', 'GE'), value }),
      fc.record({ index, comparison: fc.constant('MASKED_EQ'), value, mask: value }),
    );
    const guard = fc.record({
      caps: fc.array(fc.integer({ min: 0, max: 40 })),
      arches: fc.subarray(['amd64', 'arm64', 's390x']),
      minKernel: fc.option(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(30)), { nil: undefined }),
    });
    const rule = fc.record({
      names: fc.uniqueArray(fc.constantFrom('read', 'write', 'clone'), { minLength: 1 }),
      action: fc.oneof(
        fc.constantFrom(...[...ACTIONS.values()].filter((each) => each !== NOTIFY)),
        fc.nat(4095).map((errno) => SECCOMP_RET_ERRNO | errno),
      ),
      conditions: fc.array(condition),
      includes: guard,
      excludes: guard,
    });
    fc.assert(
      fc.property(
        fc.array(rule),
        fc.nat(7).map((flags) => flags),
        (rules, flags) => {
          const profile = { defaultAction: SECCOMP_RET_ALLOW, flags, rules } as unknown as Profile;
          expect(bare(parseProfile(formatProfile(profile)))).toEqual(bare(profile));
        },
      ),
    );
  });
});

describe('as engines write it', () => {
  const calls = (text: string, lenient = false) => parseProfile(text, lenient).rules.flatMap(({ names }) => names);

  test('an empty name beside names, and no names beside a name', () => {
    expect(calls(rule('"name": "", "names": ["read"], "action": "SCMP_ACT_ALLOW"'))).toEqual(['read']);
    expect(calls(rule('"name": "read", "names": [], "action": "SCMP_ACT_ALLOW"'))).toEqual(['read']);
    expect(calls(rule('"name": "read", "names": null, "action": "SCMP_ACT_ALLOW"'))).toEqual(['read']);
    expect(() => calls(rule('"name": "", "names": [], "action": "SCMP_ACT_ALLOW"'))).toThrow('names no system call');
    expect(() => calls(rule('"name": "", "action": "SCMP_ACT_ALLOW"'))).toThrow('names no system call');
  });

  test('names that nobody knows, where they are passed over', () => {
    const text = `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_NEW"], "syscalls": [
      {"names": ["read", "from_the_future"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["new"], "caps": ["CAP_NEW"]}},
      {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_NEW"]}}]}`;
    expect(() => parseProfile(text)).toThrow("unknown architecture 'SCMP_ARCH_NEW'");
    const policy = resolveProfile(parseProfile(text, true), {
      native: X86_64,
      capabilities: (1n << 64n) - 1n,
      kernel: [6, 1],
    });
    expect(policy.architectures).toEqual([X86_64]);
    expect([...(policy.decisions.get(X86_64)?.keys() ?? [])]).toEqual([callsOf(X86_64).get('read')]);
    // Everything else is still looked at.
    expect(() => calls(rule('"names": ["read"], "action": "SCMP_ACT_ALOW"'), true)).toThrow('unknown action');
    expect(() => calls(rule('"names": ["read"], "acton": "SCMP_ACT_ALLOW"'), true)).toThrow('unknown key');
  });
});

describe('refused, with line and key', () => {
  test.each([
    ['', 1, '', 'no JSON: unexpected end of input in column 1', undefined],
    ['{"defaultAction":\n"SCMP_ACT_LOG",}', 2, '', 'no JSON: unexpected token RBrace in column 16', undefined],
    ['{\n// words\n}', 2, '', "no JSON: unexpected character '/' in column 1", undefined],
    ['[]', 1, '', 'must be an object', undefined],
    ['\ufeff{}', 1, '', "no JSON: unexpected character '\\ufeff' in column 1", undefined],
    ['{"defaultAction": "A\\nB\\u001b"}', 1, 'defaultAction', "unknown action 'A\\u000aB\\u001b'", undefined],
    [`{"${'k'.repeat(90)}": 1}`, 1, '', `unknown key '${'k'.repeat(60)}…'`, undefined],
    ['{"defaultAction": "SCMP_ACT_LOG", "__proto__": {}}', 1, '', "unknown key '__proto__'", undefined],
    [
      '{"defaultAction": "SCMP_ACT_LOG", "syscalls": [],\n"sysc\\u0061lls": []}',
      2,
      'syscalls',
      'is there twice',
      undefined,
    ],
    ['{}', 1, '', 'defaultAction is missing', undefined],
    [
      '{"defaultAction": "SCMP_ACT_ALOW"}',
      1,
      'defaultAction',
      "unknown action 'SCMP_ACT_ALOW'",
      "did you mean 'SCMP_ACT_ALLOW'?",
    ],
    ['{"defaultAction": "toString"}', 1, 'defaultAction', "unknown action 'toString'", undefined],
    ['{"defaultAction": 7}', 1, 'defaultAction', 'must be a text', undefined],
    ['{\n"defaultActoin": "SCMP_ACT_LOG"}', 2, '', "unknown key 'defaultActoin'", "did you mean 'defaultAction'?"],
    [
      '{"defaultAction": "SCMP_ACT_LOG",\n"defaultAction": "SCMP_ACT_LOG"}',
      2,
      'defaultAction',
      'is there twice',
      undefined,
    ],
    [
      '{"defaultAction": "SCMP_ACT_LOG", "defaultErrnoRet": 1}',
      1,
      'defaultErrnoRet',
      'SCMP_ACT_LOG has no error number',
      undefined,
    ],
    ['{"defaultAction": "SCMP_ACT_LOG", "syscalls": {}}', 1, 'syscalls', 'must be a list', undefined],
    [
      '{"defaultAction": "SCMP_ACT_LOG", "architectures": ["x86"]}',
      1,
      'architectures[0]',
      "unknown architecture 'x86'",
      undefined,
    ],
    [
      '{"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_ARM"}]}',
      1,
      'archMap',
      'stands beside architectures: one of them only',
      undefined,
    ],
    ['{"defaultAction": "SCMP_ACT_LOG", "archMap": [{}]}', 1, 'archMap[0]', 'architecture is missing', undefined],
    [
      '{"defaultAction": "SCMP_ACT_LOG", "flags": ["SECCOMP_FILTER_FLAG_LGO"]}',
      1,
      'flags[0]',
      "unknown flag 'SECCOMP_FILTER_FLAG_LGO'",
      "did you mean 'SECCOMP_FILTER_FLAG_LOG'?",
    ],
    [
      '{"defaultAction": "SCMP_ACT_LOG", "flags": ["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}',
      1,
      'flags[0]',
      'SECCOMP_FILTER_FLAG_NEW_LISTENER needs a process that listens: there is none behind this tool',
      undefined,
    ],
    [
      '{"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/run/x"}',
      1,
      'listenerPath',
      'there is no process that listens behind this tool',
      undefined,
    ],
    [
      rule('"names": ["read"], "action": "SCMP_ACT_NOTIFY"'),
      3,
      'syscalls[0].action',
      'SCMP_ACT_NOTIFY needs a process that listens and answers: there is none behind this tool',
      undefined,
    ],
    [
      rule('"names": ["read", "opne"], "action": "SCMP_ACT_ALLOW"'),
      3,
      'syscalls[0].names[1]',
      "unknown system call 'opne'",
      "did you mean 'open'?",
    ],
    [rule('"names": [], "action": "SCMP_ACT_ALLOW"'), 3, 'syscalls[0]', 'names no system call', undefined],
    [
      rule('"names": ["read"], "name": "read", "action": "SCMP_ACT_ALLOW"'),
      3,
      'syscalls[0].name',
      'stands beside names: one of them only',
      undefined,
    ],
    [rule('"names": ["read"]'), 3, 'syscalls[0]', 'action is missing', undefined],
    [
      rule('"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096'),
      3,
      'syscalls[0].errnoRet',
      'is too large: at most 4095',
      undefined,
    ],
    [
      rule('"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": -1'),
      3,
      'syscalls[0].errnoRet',
      'must be a whole number, not negative',
      undefined,
    ],
    [
      rule('"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "EPREM"'),
      3,
      'syscalls[0].errno',
      "unknown error 'EPREM'",
      "did you mean 'EPERM'?",
    ],
    [
      rule('"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EACCES"'),
      3,
      'syscalls[0].errno',
      'is not the same error as errnoRet',
      undefined,
    ],
    [rule(`${READ}, "exclude": {}`), 3, 'syscalls[0]', "unknown key 'exclude'", "did you mean 'excludes'?"],
    [
      rule(`${READ}, "includes": {"caps": ["CAP_SYS_ADMN"]}`),
      3,
      'syscalls[0].includes.caps[0]',
      "unknown capability 'CAP_SYS_ADMN'",
      "did you mean 'CAP_SYS_ADMIN'?",
    ],
    [
      rule(`${READ}, "excludes": {"arches": ["amd46"]}`),
      3,
      'syscalls[0].excludes.arches[0]',
      "unknown architecture 'amd46'",
      "did you mean 'amd64'?",
    ],
    [
      rule(`${READ}, "includes": {"minKernel": "4"}`),
      3,
      'syscalls[0].includes.minKernel',
      'must be a version such as "4.8"',
      undefined,
    ],
    [
      rule(`${READ},\n"args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]`),
      4,
      'syscalls[0].args[0].index',
      'is too large: at most 5',
      undefined,
    ],
    [
      rule(`${READ}, "args": [{"index": 0, "value": 1.5, "op": "SCMP_CMP_EQ"}]`),
      3,
      'syscalls[0].args[0].value',
      'must be a whole number, not negative',
      undefined,
    ],
    [
      rule(`${READ}, "args": [{"index": 0, "value": 18446744073709551616, "op": "SCMP_CMP_EQ"}]`),
      3,
      'syscalls[0].args[0].value',
      'is too large: at most 18446744073709551615',
      undefined,
    ],
    [
      rule(`${READ}, "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EG"}]`),
      3,
      'syscalls[0].args[0].op',
      "unknown comparison 'SCMP_CMP_EG'",
      "did you mean 'SCMP_CMP_EQ'?",
    ],
    [rule(`${READ}, "args": [{"index": 0, "value": 0}]`), 3, 'syscalls[0].args[0]', 'op is missing', undefined],
  ] as const)('%s', (text, line, key, says, hint) => {
    expect(() => parseProfile(text)).toThrow(ProfileError);
    try {
      parseProfile(text);
    } catch (error) {
      const { line: at, key: where, says: words, remedy } = error as ProfileError;
      expect({ line: at, key: where, says: words }).toEqual({ line, key, says });
      if (hint !== undefined) expect(remedy).toBe(hint);
    }
  });

  test('lists in lists without end', () => {
    for (const text of ['['.repeat(100_000), '{"syscalls":'.repeat(50_000)])
      expect(() => parseProfile(text)).toThrow(new ProfileError(1, '', 'is nested too deeply for a profile'));
  });
});
