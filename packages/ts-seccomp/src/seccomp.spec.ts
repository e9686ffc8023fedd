/** Command lines, what they are refused for, and the tapes that come of them: no rights needed. */
import { explain, parse, UsageError, type World } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { Failure, formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { tool } from './seccomp.ts';

const printed: string[] = [];
const AVAILABLE = 'kill_process kill_thread trap errno user_notif trace log allow\n';

const world = (files: Readonly<Record<string, string>> = {}): World =>
  madeUpWorld({
    prog: 'ts-seccomp',
    environment: ['PATH=/bin:/usr/bin'],
    read: (path) =>
      ({ '/proc/sys/kernel/osrelease': '6.1.0\n', '/proc/sys/kernel/seccomp/actions_avail': AVAILABLE, ...files })[
        path
      ],
    exists: (path) => path in files,
    print: (text) => printed.push(text),
  });

const planned = (words: readonly string[], files?: Readonly<Record<string, string>>) =>
  tool.plan(parse(tool.options, words, tool.grammar), world(files));
const split = (words: string) => words.split(' ').filter(Boolean);

/** With --arch, so that the numbers are the same on every machine. */
function printedBy(...words: string[]): string {
  printed.length = 0;
  const plan = planned([...words, '--arch', 'x86_64']);
  expect(tool.becomes(plan)).toBe(false);
  tool.act?.(plan, undefined as never, world());
  return printed.join('');
}

function tapeOf(words: string): string {
  const sys = recording(1, true).speakFor('ts-seccomp', 'ts-seccomp ts-seccomp', 1);
  expect(tool.apply(planned(split(words)), sys, world())).toMatchObject({ changes: ['filter'] });
  return formatTape(sys.finish());
}

describe('tapes', () => {
  test.each([
    '--profile default true',
    '--log --no-new-privs --deny reboot true',
    '--allow-only execve,exit_group,read ./program',
    '--allow-only execve,exit_group,read program',
  ])('%s', (words) => {
    expect(tapeOf(words)).toMatchSnapshot();
  });
});

describe('wrong usage', () => {
  test.each([
    ['true', 'no filter: name a profile, or calls to --deny, --allow-only or --log'],
    ['--log true', 'no filter: name a profile, or calls to --deny, --allow-only or --log'],
    ['--profile default', 'no program given'],
    ['--profile default --allow-only read true', '--profile and --allow-only cannot be combined'],
    ['--profile default --dump --check read', '--dump and --check cannot be combined'],
    ['--profile default --dump true', 'with --dump and --check no program is run'],
    ['--profile default --json true', '--arch and --json are for --dump and --check'],
    ['--profile default --dump=hex', "unknown form of --dump: 'hex'"],
  ])('%s', (words, message) => {
    expect(() => planned(split(words))).toThrow(UsageError);
    expect(() => planned(split(words))).toThrow(message);
  });
});

function refusal(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  return expect.fail('is not refused');
}

const PROFILE = '{"defaultAction": "SCMP_ACT_ERRNO",\n"syscalls": [{"names": ["raed"], "action": "SCMP_ACT_ALLOW"}]}';

describe('refused before anything is done', () => {
  test.each([
    ['--deny rebot true', "--deny: unknown system call 'rebot'", "did you mean 'reboot'?"],
    ['--deny reboot=EPREM true', "--deny: unknown action 'EPREM'", "did you mean 'EPERM'?"],
    ['--deny reboot=EPERM=x true', "--deny: unknown action 'EPERM=x'", undefined],
    ['--deny =EPERM true', "--deny: unknown system call ''", undefined],
    ['--allow-only raed true', "--allow-only: unknown system call 'raed'", "did you mean 'read'?"],
    ['--log=raed true', "--log: unknown system call 'raed'", "did you mean 'read'?"],
    ['--deny cachectl true', "no architecture of this filter has the system call 'cachectl'", undefined],
    [
      '--profile defalt true',
      'cannot read defalt: No such file or directory',
      'profiles without a file: default, strict',
    ],
    ['--profile ./x true', 'cannot read ./x: No such file or directory', undefined],
    [
      '--profile bad.json true',
      "bad.json: line 2: syscalls[0].names[0]: unknown system call 'raed'",
      "did you mean 'read'?",
    ],
    [
      '--profile default --caps cap_sys_admn true',
      '--caps: unknown capability: cap_sys_admn',
      "did you mean 'cap_sys_admin'?",
    ],
    [
      '--profile default --caps bounding --check mount',
      '--caps bounding: cannot read /proc/self/status',
      'mount /proc',
    ],
    ['--profile default --dump --arch vax', "unknown architecture 'vax'", 'known: x86_64, x86, x32, aarch64, arm'],
    [
      '--allow-only read,write true',
      'the program could not be started: the filter has errno(EPERM) for execve',
      'allow execve, and what the program and its loader call: strace -c shows it',
    ],
    ['--deny execve=kill true', 'the program could not be started: the filter has kill_process for execve', undefined],
    [
      '--allow-only execve,read true',
      'the program could not end: the filter has errno(EPERM) for exit_group',
      'allow exit_group',
    ],
  ])('%s', (words, message, remedy) => {
    expect(refusal(() => planned(split(words), { 'bad.json': PROFILE }))).toMatchObject(
      remedy ? { message, remedy } : { message },
    );
  });
  test('a kernel that does not know an action', () => {
    expect(() =>
      planned(['--deny', 'reboot=kill', 'true'], {
        '/proc/sys/kernel/seccomp/actions_avail': 'kill trap errno trace allow\n',
      }),
    ).toThrow('this kernel does not have the action kill_process');
  });
});

describe('--check', () => {
  test('a name, on each architecture', () => {
    expect(printedBy('--profile', 'default', '--check', 'clone')).toBe(
      ['x86_64 clone (56)', 'x86 clone (120)', 'x32 clone (56)']
        .map((each) => `${each}: allow if args[0] & 0x7e020000 == 0, else errno(EPERM)\n`)
        .join(''),
    );
  });
  test('what is newer than a profile does not exist; rules beside it do not make it newer', () => {
    const old = {
      'old.json':
        '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "statx"], "name": "", "action": "SCMP_ACT_ALLOW"}]}',
    };
    for (const more of [[], ['--deny', 'listns'], ['--log=listns']]) {
      printed.length = 0;
      const words = ['--profile', 'old.json', '--arch', 'x86_64', ...more];
      const plan = planned([...words, ...['clone3', 'rseq', 'mount'].flatMap((call) => ['--check', call])], old);
      tool.act?.(plan, undefined as never, world());
      expect(printed.join('')).toBe(
        ['clone3 (435): errno(ENOSYS)', 'rseq (334): errno(ENOSYS)', 'mount (165): errno(EPERM)']
          .map((line) => `x86_64 ${line}\n`)
          .join(''),
      );
    }
    expect(printedBy('--allow-only', 'read', '--check', 'clone3')).toContain('errno(EPERM)');
  });
  test.each(['1e3', '0x', '08x', '4294967296', '0x100000000', '9'.repeat(400)])('%s is no number', (word) =>
    expect(refusal(() => printedBy('--deny', 'reboot', '--check', word)).message).toBe(
      `no number of a system call: '${word}'`,
    ),
  );
  test('numbers, and calls with arguments', () => {
    expect(printedBy('--profile', 'default', '--check', '169', '--check', '4000')).toBe(
      'x86_64 reboot (169): errno(EPERM)\nx86_64 unknown (4000): errno(ENOSYS)\n',
    );
    const lines = (call: string) => printedBy('--profile', 'default', '--check', call).split('\n');
    expect(lines('personality(0xffffffff)')[0]).toBe('x86_64 personality (135): allow');
    expect(lines('personality( 4 )')[0]).toBe('x86_64 personality (135): errno(EPERM)');
    expect(lines('socket(40, 1, 0)')[0]).toBe('x86_64 socket (41): errno(EPERM)');
    expect(lines('clone(-1)')[0]).toBe('x86_64 clone (56): errno(EPERM)');
    expect(lines('getpid()')[0]).toBe('x86_64 getpid (39): allow');
  });
  test('a number with the bit of x32 is one of x32', () => {
    const reboot = (profile: string) => printedBy(...split(profile), '--check', '0x400000a9', '--check', '1073741863');
    expect(reboot('--deny reboot')).toBe('x32 reboot (169): errno(EPERM)\nx32 getpid (39): allow\n');
    const plain = { 'plain.json': '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]}' };
    printed.length = 0;
    const plan = planned(split('--profile plain.json --arch x86_64 --check 0x400000a9'), plain);
    tool.act?.(plan, undefined as never, world());
    expect(printed.join('')).toBe('x32 reboot (169): kill_process\n');
  });
  test('the numbers of x32', () => {
    printed.length = 0;
    tool.act?.(planned(split('--profile default --arch x32 --check 0x40000027')), undefined as never, world());
    expect(printed.join('')).toBe('x32 getpid (39): allow\n');
    printed.length = 0;
    tool.act?.(planned(split('--profile default --arch x32 --check 39')), undefined as never, world());
    expect(printed.join('')).toBe('x32 getpid (39): allow\n');
  });
  test('capabilities', () => {
    const mount = (caps: string) => printedBy('--profile', 'default', '--caps', caps, '--check', '165');
    expect(mount('all')).toBe('x86_64 mount (165): allow\n');
    expect(mount('cap_sys_admin,cap_kill')).toBe('x86_64 mount (165): allow\n');
    expect(mount('none')).toBe('x86_64 mount (165): errno(EPERM)\n');
  });
  test('JSON', () => {
    expect(JSON.parse(printedBy('--deny', 'reboot=kill', '--check', 'reboot', '--json'))[0]).toEqual({
      architecture: 'x86_64',
      number: 169,
      name: 'reboot',
      action: 'kill_process',
      data: 0,
      says: 'kill_process',
      conditions: [],
    });
    const [clone] = JSON.parse(printedBy('--profile', 'default', '--check', 'clone', '--json'));
    expect(clone).toMatchObject({
      action: 'errno',
      data: 1,
      conditions: [{ if: ['args[0] & 0x7e020000 == 0'], action: 'allow' }],
    });
  });
  test.each([
    ['raed', "unknown system call 'raed'"],
    ['read(x)', "cannot read the arguments of 'read(x)': at most six numbers, decimal or 0x"],
    ['read(1,2,3,4,5,6,7)', "cannot read the arguments of 'read(1,2,3,4,5,6,7)': at most six numbers, decimal or 0x"],
    [
      'read(18446744073709551616)',
      "an argument of 'read(18446744073709551616)' does not fit into 64 bits: 18446744073709551616",
    ],
    [
      'read(0,-9223372036854775809)',
      "an argument of 'read(0,-9223372036854775809)' does not fit into 64 bits: -9223372036854775809",
    ],
    ['-1', "unknown system call '-1'"],
    ['read(', "unknown system call 'read('"],
    ['breakpoint', "no architecture of this filter has the system call 'breakpoint'"],
    ['4294967296', "no number of a system call: '4294967296'"],
  ])('%s is refused', (call, message) => {
    expect(refusal(() => printedBy('--profile', 'default', '--check', call)).message).toBe(message);
  });
});

describe('--dump', () => {
  test('text', () => {
    expect(printedBy('--deny', 'reboot', '--dump')).toMatchSnapshot();
  });
  test('JSON holds the instructions', () => {
    const {
      architectures,
      default: fallback,
      instructions,
    } = JSON.parse(printedBy('--profile', 'default', '--dump', '--json'));
    expect({ architectures, fallback }).toEqual({ architectures: ['x86_64', 'x86', 'x32'], fallback: 'errno(EPERM)' });
    expect(instructions[0]).toEqual({ at: 0, code: 0x20, jt: 0, jf: 0, k: 4, says: 'load arch' });
  });
  test('a profile that can be read again', () => {
    const profile = printedBy('--profile', 'strict', '--deny', 'read=EIO', '--log', '--dump=profile');
    const again = (...words: string[]) => {
      printed.length = 0;
      tool.act?.(planned([...words, '--arch', 'x86_64'], { 'own.json': profile }), undefined as never, world());
      return printed.join('');
    };
    expect(again('--profile', 'own.json', '--dump')).toBe(again('--profile', 'strict', '--deny', 'read=EIO', '--dump'));
    expect(again('--profile', 'own.json', '--dump', '--json')).toContain('"flags": 2');
  });
  test('of another machine', () => {
    printed.length = 0;
    tool.act?.(planned(split('--profile default --dump --arch aarch64')), undefined as never, world());
    expect(printed.join('')).toContain('if arch == AARCH64');
  });
});

describe('causes', () => {
  const why = (error: string, files: Readonly<Record<string, string>>) =>
    explain(tool.causes ?? [], 'filter', error, world(files));
  test.each([
    ['EINVAL', {}, /has no seccomp filters/],
    ['EPERM', { '/proc/self/status': 'Seccomp:\t2\nSeccomp_filters:\t3\n' }, /^a seccomp filter is in force/],
    ['ENOMEM', { '/proc/self/status': 'Seccomp_filters:\t30\n' }, /^30 filters/],
  ])('%s', (error, files, words) => {
    expect(why(error, files)).toMatch(words);
  });
});
