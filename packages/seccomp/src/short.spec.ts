import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRAP,
} from '@ts/sys';
import { describe, expect, test } from 'vitest';
import {
  allowOnly,
  callsOf,
  compilePolicy,
  DEFAULT_PROFILE,
  describeProgram,
  evaluate,
  familyOf,
  formatAction,
  formatDecision,
  logging,
  open,
  overrule,
  type Profile,
  parseCalls,
  parseDeny,
  resolveProfile,
  UnknownWord,
  X86,
  X86_64,
} from './index.ts';

const here = { native: X86_64, capabilities: 0xa80425fbn, kernel: [6, 1] } as const;
const FAMILY = familyOf(X86_64).map(({ name }) => name);
const on = (profile: Profile, name: string, args: readonly bigint[] = [], architecture = X86_64) =>
  formatAction(
    evaluate(resolveProfile(profile, here), {
      number: callsOf(architecture).get(name) as number,
      token: architecture.token,
      args,
    }),
  );

test('words', () => {
  expect(parseDeny('clock_settime,reboot=EACCES,,mount=38,read=kill,write=trap,open=enosys')).toEqual([
    { names: ['clock_settime'], action: SECCOMP_RET_ERRNO | 1 },
    { names: ['reboot'], action: SECCOMP_RET_ERRNO | 13 },
    { names: ['mount'], action: SECCOMP_RET_ERRNO | 38 },
    { names: ['read'], action: SECCOMP_RET_KILL_PROCESS },
    { names: ['write'], action: SECCOMP_RET_TRAP },
    { names: ['open'], action: SECCOMP_RET_ERRNO | 38 },
  ]);
  expect(parseCalls('read,write')).toEqual(['read', 'write']);
});

test.each([
  ['raed', 'system call', 'raed', 'read'],
  ['read=EPREM', 'action', 'EPREM', 'EPERM'],
  ['read=4096', 'action', '4096', undefined],
  ['read=0', 'action', '0', undefined],
  ['read=', 'action', '', undefined],
] as const)('%s is refused', (text, what, word, near) => {
  expect(() => parseDeny(text)).toThrow(UnknownWord);
  try {
    parseDeny(text);
  } catch (error) {
    expect(error).toMatchObject({ what, word });
    if (near) expect((error as UnknownWord).near).toBe(near);
  }
});

describe('with a profile or without', () => {
  test('everything else is allowed', () => {
    const profile = overrule(open(FAMILY), parseDeny('reboot'));
    expect([on(profile, 'reboot'), on(profile, 'read'), on(profile, 'reboot', [], X86)]).toEqual([
      'errno(EPERM)',
      'allow',
      'errno(EPERM)',
    ]);
  });
  test('nothing else is allowed', () => {
    const profile = allowOnly(FAMILY, ['read']);
    expect([on(profile, 'read'), on(profile, 'write')]).toEqual(['allow', 'errno(EPERM)']);
  });
  test('what the profile said of the call counts no more', () => {
    const profile = overrule(DEFAULT_PROFILE, [...parseDeny('read,clone=EACCES,socket=EACCES'), logging(['mount'])]);
    expect(on(profile, 'read')).toBe('errno(EPERM)');
    expect(on(profile, 'clone', [0x11n])).toBe('errno(EACCES)');
    expect(on(profile, 'write')).toBe('allow');
    expect(on(profile, 'mount')).toBe('log');
    // Nor can a 32-bit program go round it.
    expect(on(profile, 'socketcall', [1n], X86)).toBe('errno(EACCES)');
    expect(on(profile, 'socketcall', [2n], X86)).toBe('allow');
  });
  test('the last rule of a call counts', () => {
    expect(on(overrule(DEFAULT_PROFILE, parseDeny('read=EACCES,read')), 'read')).toBe('errno(EPERM)');
    expect(on(overrule(open(FAMILY), parseDeny('read,read=EACCES')), 'read')).toBe('errno(EACCES)');
  });
});

describe('in words', () => {
  test('actions', () => {
    expect(
      [0, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO | 2000, SECCOMP_RET_LOG, SECCOMP_RET_TRAP].map(formatAction),
    ).toEqual(['kill_thread', 'kill_process', 'errno(2000)', 'log', 'trap']);
  });
  test('decisions', () => {
    const decision = (name: string) =>
      formatDecision(
        resolveProfile(DEFAULT_PROFILE, here)
          .decisions.get(X86_64)
          ?.get(callsOf(X86_64).get(name) as number) ?? {
          clauses: [],
          otherwise: SECCOMP_RET_ALLOW,
        },
      );
    expect(decision('clone')).toBe('allow if args[0] & 0x7e020000 == 0, else errno(EPERM)');
    expect(decision('personality')).toBe('allow if args[0] == 0xffffffff|0x20008|0x20000|8|0, else errno(EPERM)');
    expect(decision('socket')).toMatch(/^allow if args\[0\] == 45\|44\|.*\|13 or args\[0\] < 12, else errno\(EPERM\)$/);
  });
  test('a program', () => {
    const policy = resolveProfile(overrule(open(['SCMP_ARCH_X32']), parseDeny('reboot')), here);
    expect(describeProgram(compilePolicy(policy))).toMatchInlineSnapshot(`
      [
        "load arch",
        "if arch == X86_64 goto 2, else 12",
        "load number",
        "if number >= x32 0 (read) goto 8, else 4",
        "if number >= 169 (reboot) goto 5, else 6",
        "if number >= 170 (sethostname) goto 6, else 7",
        "return allow",
        "return errno(EPERM)",
        "if number >= x32 169 (reboot) goto 9, else 10",
        "if number >= x32 170 (sethostname) goto 10, else 11",
        "return allow",
        "return errno(EPERM)",
        "return kill_process",
      ]
    `);
    const conditional: Profile = {
      defaultAction: SECCOMP_RET_ALLOW,
      rules: [
        {
          names: ['clone'],
          action: SECCOMP_RET_ERRNO | 1,
          conditions: [{ index: 0, comparison: 'MASKED_EQ', mask: 0x20000n, value: 0x20000n }],
        },
      ],
    };
    expect(describeProgram(compilePolicy(resolveProfile(conditional, here)))).toMatchInlineSnapshot(`
      [
        "load arch",
        "if arch == X86_64 goto 2, else 13",
        "load number",
        "if number >= x32 0 (read) goto 12, else 4",
        "if number >= 56 (clone) goto 5, else 6",
        "if number >= 57 (fork) goto 6, else 7",
        "return allow",
        "load args[0].low",
        "and 0x20000",
        "if (args[0].low & 0x20000) == 0x20000 goto 11, else 10",
        "return allow",
        "return errno(EPERM)",
        "return kill_process",
        "return kill_process",
      ]
    `);
  });
});
