/** S1: programs under filters, on the real kernel. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AARCH64, callsOf, X32, X86, X86_64 } from '@ts/seccomp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { isRoot, NOBODY, original, originalPath, type RunOptions, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const NATIVE = process.arch === 'arm64' ? AARCH64 : X86_64;
const isX86 = process.arch === 'x64';

let folder: ReturnType<typeof temporaryFolder>;
/** Makes system calls by number. */
let caller: string;
/** Writes a line; static, so that it calls little else. */
let writer: string;

beforeAll(() => {
  folder = temporaryFolder();
  caller = join(folder.path, 'syscall');
  writer = join(folder.path, 'writer');
  if (needsCompiler()) return;
  compileC(join(import.meta.dirname, '../harness/syscall.c'), caller);
  const source = join(folder.path, 'writer.c');
  writeFileSync(source, '#include <unistd.h>\nint main(void) { return write(1, "ran\\n", 4) != 4; }\n');
  compileC(source, writer, '-static');
});
afterAll(() => folder[Symbol.dispose]());

const USERS = isRoot ? [0, NOBODY] : [undefined];
const asUser = (uid: number | undefined): RunOptions => ({ uid: uid || undefined, cwd: '/' });

/** Words for the caller: `name` or `name,argument,…`, by architecture. */
function words(calls: readonly string[], prefix: 'x86' | 'x32' | '' = ''): string[] {
  const architecture = prefix === 'x86' ? X86 : prefix === 'x32' ? X32 : NATIVE;
  return calls.map((call) => {
    const [name = '', ...rest] = call.split(',');
    const number = callsOf(architecture).get(name) ?? expect.fail(`no ${name}`);
    return [`${prefix && `${prefix}:`}${number - architecture.offset}`, ...rest].join(',');
  });
}

const errors = (argv: readonly string[], options: RunOptions) => {
  const { status, stdout, stderr } = run(argv, options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim().split(' ').map(Number);
};

const [EPERM, ENOSYS, EIO] = [1, 38, 5];

/** What containers must not do; with these arguments the calls do nothing where they are let through. */
const FORBIDDEN = [
  'clock_settime,99',
  'clock_adjtime,0,0',
  'settimeofday,0,0',
  'delete_module,0',
  'init_module,0',
  'finit_module,-1',
  'reboot,0,0,0',
  'kexec_load,0,99,0',
  'swapon,0',
  'swapoff,0',
  'acct,1',
  'mount,0,0,0',
  'umount2,0,-1',
  'pivot_root,0,0',
  'unshare,-1',
  'setns,-1,0',
  'bpf,-1',
  'perf_event_open,0',
  'keyctl,-1',
  'add_key,0',
  'request_key,0',
  'open_by_handle_at,-1,0',
  'userfaultfd,-1',
  'io_uring_setup,0,0',
  'quotactl,-1',
  'kcmp,0,0,-1',
  'lookup_dcookie,0',
  'get_mempolicy,0,0,0,1,9',
  'clone,0x10000000,0,0,0,0',
  'clone,0x7e020000,0,0,0,0',
  'personality,4',
  'socket,40,1,0',
  'socket,38,5,0',
] as const;
const ONLY_X86 = [
  'create_module,0',
  'query_module,0',
  'get_kernel_syms,0',
  'ioperm,0,0,0',
  'iopl,0',
  'uselib,0',
  'ustat,-1,0',
  'sysfs,-1',
];

describe('S1: the default profile', () => {
  for (const uid of USERS)
    describe(`as user ${uid ?? 'without rights'}`, () => {
      const under = (...calls: string[]) =>
        errors(['ts-seccomp', '--profile', 'default', caller, ...calls], asUser(uid));

      test('what containers must not do', (context) => {
        needs(context, needsCompiler);
        const all = [...FORBIDDEN, ...(isX86 ? ONLY_X86 : [])];
        const got = under(...words(all));
        expect(Object.fromEntries(all.map((call, at) => [call, got[at]]))).toEqual(
          Object.fromEntries(all.map((call) => [call, EPERM])),
        );
      });

      test('the same through the other ways into the kernel', (context) => {
        needs(context, needsCompiler, () => (isX86 ? undefined : 'for x86-64'));
        const calls = [
          'reboot,0,0,0',
          'clock_settime,99',
          'mount,0,0,0',
          'unshare,-1',
          'personality,4',
          'clone,0x10000000',
        ];
        expect(under(...words(calls, 'x86'))).toEqual(calls.map(() => EPERM));
        expect(under(...words(calls, 'x32'))).toEqual(calls.map(() => EPERM));
        expect(under(...words(['socket,40,1,0', 'stime,0', 'vm86,0'], 'x86'))).toEqual([EPERM, EPERM, EPERM]);
      });

      test('arguments decide', (context) => {
        needs(context, needsCompiler);
        const calls = [
          'personality,0xffffffff',
          'socket,2,1,0',
          'socket,1,1,0',
          'socket,16,3,0',
          'getpid',
          'clone3,0,0',
        ];
        expect(under(...words(calls))).toEqual([0, 0, 0, 0, 0, ENOSYS]);
      });
    });

  test('as root these calls are refused by the filter, and by nothing else', (context) => {
    needs(context, needsRoot, needsCompiler);
    const calls = ['clock_settime,99', 'clock_adjtime,0,0', 'reboot,0,0,0', 'umount2,0,-1', 'personality,4'];
    expect(errors([caller, ...words(calls)], {})).not.toContain(EPERM);
    expect(
      errors(['ts-seccomp', '--profile', 'default', '--caps', 'all', caller, ...words(calls.slice(0, 4))], {}),
    ).not.toContain(EPERM);
  });
});

describe('ordinary programs', () => {
  const python =
    'import socket,subprocess,threading;t=threading.Thread(target=lambda:None);t.start();t.join();socket.socket(socket.AF_UNIX);print(subprocess.run(["echo","ran"],capture_output=True).stdout)';
  const PROGRAMS: readonly (readonly [string, ...string[]])[] = [
    ['node', '-e', 'console.log(require("node:child_process").execFileSync("echo", ["ran"], { encoding: "utf8" }))'],
    ['python3', '-c', python],
    ['bash', '-c', 'for i in 1 2 3; do echo $(echo ran) | cat; done & wait'],
    ['gcc', '-xc', '-', '-o', '/dev/null', '-v'],
    ['ls', '-lR', '/etc'],
  ];
  for (const profile of ['default', 'strict'])
    for (const uid of USERS)
      for (const argv of PROGRAMS)
        test(`${argv[0]} under the ${profile} profile, as user ${uid}`, (context) => {
          needs(context, needsProgram(argv[0]));
          const options = { ...asUser(uid), input: 'int main(void) { return 0; }' };
          const [program, ...rest] = argv;
          const path = original(program) as string;
          const { status, stdout, stderr } = run(['ts-seccomp', '--profile', profile, path, ...rest], options);
          const without = run([path, ...rest], options);
          expect(status).toBe(without.status);
          expect(stdout).toBe(without.stdout);
          if (program !== 'gcc') expect(stderr).toBe(without.stderr);
        });
});

describe('the strict profile', () => {
  for (const uid of USERS)
    test(`as user ${uid}`, (context) => {
      needs(context, needsCompiler);
      const calls = [
        'socket,2,1,0',
        'socket,1,1,0',
        'ptrace,-1',
        'setuid,0',
        'chroot,0',
        'fchown,-1,0,0',
        'ioctl,-1,0x5412',
        'ioctl,-1,0x100005412',
        'ioctl,0,0',
      ];
      if (isX86)
        expect(
          errors(
            [
              'ts-seccomp',
              '--profile',
              'strict',
              caller,
              ...words(['socketcall,1,0', 'socket,2,1,0', 'socket,1,1,0'], 'x86'),
            ],
            asUser(uid),
          ),
        ).toEqual([EPERM, EPERM, 0]);
      const [, , ...got] = errors(['ts-seccomp', '--profile', 'strict', caller, ...words(calls)], asUser(uid));
      expect(got.slice(0, 6)).toEqual([EPERM, EPERM, EPERM, EPERM, EIO, EIO]);
      expect(errors(['ts-seccomp', '--profile', 'strict', caller, ...words(calls.slice(0, 2))], asUser(uid))).toEqual([
        EPERM,
        0,
      ]);
    });
});

const state = (stdout: string) =>
  ['NoNewPrivs', 'Seccomp', 'Seccomp_filters'].map((name) => new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(stdout)?.[1]);
const LOOK = ['cat', '/proc/self/status'];

describe('no_new_privs', () => {
  test('is left alone for root', (context) => {
    needs(context, needsRoot);
    expect(state(run(['ts-seccomp', '--deny', 'reboot', ...LOOK]).stdout)).toEqual(['0', '2', '1']);
    expect(state(run(['ts-seccomp', '--no-new-privs', '--deny', 'reboot', ...LOOK]).stdout)).toEqual(['1', '2', '1']);
    expect(state(run(LOOK).stdout).slice(0, 2)).toEqual(['0', '0']);
  });
  test('is set for an ordinary user, who could set no filter otherwise', (context) => {
    needs(context, needsRoot);
    expect(state(run(['ts-seccomp', '--deny', 'reboot', ...LOOK], { uid: NOBODY }).stdout)).toEqual(['1', '2', '1']);
  });
  test('follows what the chain has made of the process', (context) => {
    needs(context, needsRoot);
    const chain = (...first: string[]) =>
      run([...first, 'ts-seccomp', '--deny', 'reboot', ...LOOK], { uid: NOBODY }).stdout;
    expect(state(chain('ts-unshare', '-Ur'))).toEqual(['0', '2', '1']);
  });
});

describe('a profile older than the C library', () => {
  const write = (change: (names: readonly string[]) => string[]): string => {
    const profile = JSON.parse(run(['ts-seccomp', '--profile', 'default', '--dump=profile']).stdout);
    profile.syscalls = profile.syscalls
      .map((rule: { names: string[] }) => ({ ...rule, name: '', names: change(rule.names) }))
      .filter(({ names }: { names: string[] }) => names.length);
    const file = join(folder.path, 'old.json');
    writeFileSync(file, JSON.stringify(profile));
    return file;
  };

  test('does not know of newer calls, so that they do not exist', (context) => {
    needs(context, needsCompiler);
    const statx = callsOf(NATIVE).get('statx') as number;
    const old = write((names) => names.filter((name) => (callsOf(NATIVE).get(name) ?? statx) <= statx));
    const calls = words(['clone3,0,0', 'openat2,-1,0,0,0', 'listns,0,0,0', 'mount,0,0,0,0,0', 'getpid']);
    expect(errors(['ts-seccomp', '--profile', old, caller, ...calls], {})).toEqual([ENOSYS, ENOSYS, ENOSYS, EPERM, 0]);
    // A program with threads: its C library tries clone3 first.
    const program = ['python3', '-c', 'import threading; t = threading.Thread(target=print, args=("ran",)); t.start()'];
    if (needsProgram('python3')()) return;
    expect(run(['ts-seccomp', '--profile', old, ...program])).toMatchObject({ status: 0, stdout: 'ran\n' });
  });
  test('or is newer than we are: names are passed over on request', (context) => {
    needs(context, needsCompiler);
    const future = write((names) => [...names, 'from_the_future']);
    expect(run(['ts-seccomp', '--profile', future, 'true'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("unknown system call 'from_the_future'"),
    });
    const calls = words(['mount,0,0,0,0,0', 'getpid']);
    expect(errors(['ts-seccomp', '--ignore-unknown', '--profile', future, caller, ...calls], {})).toEqual([EPERM, 0]);
    expect(run(['ts-seccomp', '--ignore-unknown', '--deny', 'reboot', 'true'])).toMatchObject({ status: 1 });
  });
});

describe('rules in short', () => {
  test('errors by name and number', (context) => {
    needs(context, needsCompiler);
    const calls = words(['getppid', 'getuid', 'getpid', 'sync']);
    expect(errors(['ts-seccomp', '--deny', 'getppid,getuid=ENOSYS', '--deny=sync=5', caller, ...calls], {})).toEqual([
      EPERM,
      ENOSYS,
      0,
      EIO,
    ]);
    expect(errors(['ts-seccomp', '--deny', 'getppid', '--log=getuid', caller, ...calls], {})).toEqual([EPERM, 0, 0, 0]);
  });
  test('what is refused or asked for is logged', (context) => {
    const audit = () => (existsSync('/proc/self/loginuid') ? undefined : 'the kernel logs no filters');
    needs(context, needsRoot, needsCompiler, needsProgram('dmesg'), audit);
    const log = () =>
      run(['dmesg'])
        .stdout.split('\n')
        .filter((line) => line.includes(`exe="${caller}"`));
    const logged = (...options: string[]) => {
      const before = log().length;
      errors(['ts-seccomp', ...options, caller, ...words(['getppid', 'getuid'])], {});
      return log()
        .slice(before)
        .map((line) => /code=(\w+)/.exec(line)?.[1]);
    };
    expect(logged('--deny', 'getppid')).toEqual([]);
    expect(logged('--log', '--deny', 'getppid')).toEqual(['0x50000']);
    expect(logged('--log=getppid,getuid')).toEqual(['0x7ffc0000', '0x7ffc0000']);
  });
  test('death by the filter', (context) => {
    needs(context, needsCompiler);
    for (const action of ['kill', 'kill_thread', 'trap'])
      expect(run(['ts-seccomp', '--deny', `getppid=${action}`, caller, ...words(['getppid'])]).signal).toBe('SIGSYS');
  });
  test('nothing but what is named', (context) => {
    needs(context, needsCompiler);
    const needed =
      'execve,exit_group,brk,set_tid_address,set_robust_list,rseq,prlimit64,readlinkat,getrandom,mprotect,newfstatat,fstat';
    const only = (...more: string[]) =>
      run([
        'ts-seccomp',
        '--allow-only',
        [needed, ...(isX86 ? ['arch_prctl', 'readlink'] : []), ...more].join(),
        writer,
      ]);
    expect(only('write')).toEqual({ status: 0, signal: null, stdout: 'ran\n', stderr: '' });
    expect(only()).toEqual({ status: 1, signal: null, stdout: '', stderr: '' });
  });
  test('what cannot be said under the filter is said before', () => {
    const only = (program: string) => run(['ts-seccomp', '--allow-only', 'execve,exit_group', program], { cwd: '/' });
    expect(only('no-such-program')).toEqual({
      status: 127,
      signal: null,
      stdout: '',
      stderr: 'ts-seccomp: failed to execute no-such-program: No such file or directory\n',
    });
    expect(only('/etc/passwd')).toMatchObject({
      status: 126,
      stderr: 'ts-seccomp: failed to execute /etc/passwd: Permission denied\n',
    });
    expect(run(['ts-seccomp', '--deny', 'reboot', 'no-such-program'])).toMatchObject({
      status: 127,
      stderr: 'ts-seccomp: failed to execute no-such-program: No such file or directory\n',
    });
  });
});

describe('a profile of one’s own', () => {
  const withProfile = (profile: unknown, work: (path: string) => void) => {
    const path = join(folder.path, 'profile.json');
    writeFileSync(path, typeof profile === 'string' ? profile : JSON.stringify(profile));
    work(path);
  };

  test('conditions on arguments, errors, several rules', (context) => {
    needs(context, needsCompiler);
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      archMap: [
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
        { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
      ],
      syscalls: [
        {
          names: ['getpgid'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 22,
          args: [{ index: 0, value: 'WIDE', op: 'SCMP_CMP_GE' }],
        },
        {
          names: ['getpgid'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 13,
          args: [{ index: 0, value: 7, op: 'SCMP_CMP_EQ' }],
        },
        {
          names: ['getsid'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 13,
          args: [
            { index: 0, value: 0, op: 'SCMP_CMP_EQ' },
            { index: 1, value: 5, op: 'SCMP_CMP_EQ' },
          ],
        },
      ],
    };
    // JSON.stringify has no digits enough for a value of 64 bits.
    withProfile(JSON.stringify(profile).replace('"WIDE"', '18446744069414584321'), (path) => {
      const calls = words(['getpgid,0', 'getpgid,7', 'getpgid,-1', 'getsid,0,5', 'getsid,0,6']);
      expect(errors(['ts-seccomp', '--profile', path, caller, ...calls], {})).toEqual([0, 13, 22, 13, 0]);
    });
  });

  test('what is wrong with it is one line, and nothing is run', () => {
    withProfile(
      '{"defaultAction": "SCMP_ACT_ALLOW",\n "syscalls": [{"names": ["raed"],\n  "action": "SCMP_ACT_ERRNO"}]}',
      (path) => {
        expect(run(['ts-seccomp', '--profile', path, 'echo', 'ran'])).toEqual({
          status: 1,
          signal: null,
          stdout: '',
          stderr: `ts-seccomp: ${path}: line 2: syscalls[0].names[0]: unknown system call 'raed'\nts-seccomp: did you mean 'read'?\n`,
        });
      },
    );
  });
});

test('a profile that cannot be read, or is none: one line with the reason, and nothing is run', (context) => {
  needs(context, needsRoot);
  const text = (name: string, content: string) => {
    writeFileSync(join(folder.path, name), content, { mode: 0o600 });
    return name;
  };
  const CASES = [
    ['.', 'cannot read ./.: Is a directory'],
    ['nowhere', 'cannot read ./nowhere: No such file or directory'],
    [text('closed', '{}'), 'cannot read ./closed: Permission denied'],
  ] as const;
  for (const [name, message] of CASES)
    expect(run(['ts-seccomp', '--profile', `./${name}`, 'echo', 'ran'], { cwd: folder.path, uid: NOBODY })).toEqual({
      status: 1,
      signal: null,
      stdout: '',
      stderr: `ts-seccomp: ${message}\n`,
    });
  const HOSTILE = [
    text('deep', '['.repeat(200_000)),
    text('long', `{"${'k'.repeat(1_000_000)}": 1}`),
    text(
      'many',
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [{ names: Array(50_000).fill('raed'), action: 'SCMP_ACT_ALLOW' }],
      }),
    ),
    text('controls', '{"defaultAction": "\u001b[31m\n\r"}'),
  ];
  for (const name of HOSTILE) {
    const { status, stdout, stderr } = run(['ts-seccomp', '--profile', `./${name}`, 'echo', 'ran'], {
      cwd: folder.path,
    });
    expect([name, status, stdout]).toEqual([name, 1, '']);
    expect(stderr).toMatch(/^ts-seccomp: \.\/\w+: line 1: [^\p{Cc}]{1,120}\n(ts-seccomp: did you mean 'read'\?\n)?$/u);
  }
});

/** A filter that answers some calls, by their numbers on this machine, with `action`. */
function rawFilter(name: string, action: number, ...numbers: readonly number[]): string {
  const statement = (code: number, yes: number, no: number, value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16LE(code);
    bytes[2] = yes;
    bytes[3] = no;
    bytes.writeUInt32LE(value, 4);
    return bytes;
  };
  const [load, equals, answer] = [0x20, 0x15, 0x06];
  const tests = numbers.map((number, index) => statement(equals, numbers.length - index, 0, number));
  const [allow, refuse] = [statement(answer, 0, 0, 0x7fff_0000), statement(answer, 0, 0, action)];
  writeFileSync(join(folder.path, name), Buffer.concat([statement(load, 0, 0, 0), ...tests, allow, refuse]), {
    mode: 0o644,
  });
  return name;
}

test('a tool ends, with its own status where it can, whatever a filter makes of its calls', (context) => {
  needs(context, needsRoot);
  const isArm = process.arch === 'arm64';
  const [exit, exitGroup, openat] = isArm ? [93, 94, 56] : [60, 231, 257];
  const [refuse, kill] = [0x0005_0001, 0x8000_0000];
  const ended = (filter: string, ...more: string[]) => {
    const argv = ['ts-setpriv', '--seccomp-filter', filter, ...more, '/nowhere/program'];
    const { status, signal, stderr } = run(argv, { cwd: folder.path, env: { PATH: originalPath } });
    expect(stderr).toMatch(/^ts-setpriv: failed to execute \/nowhere\/program: No such file or directory\n/);
    return status ?? signal;
  };
  expect(ended(rawFilter('group', refuse, exitGroup))).toBe(127);
  expect(ended(rawFilter('both', refuse, exitGroup, exit))).toBe(isArm ? 'SIGTRAP' : 'SIGSEGV');
  // Nothing that explains can be started: the status is that of the failure all the same.
  expect(ended(rawFilter('open', kill, openat))).toBe(127);
  expect(ended(rawFilter('open', kill, openat), '--reuid', '5')).toBe(127);
});

describe('in chains', () => {
  const both = (argv: readonly string[], options: RunOptions) => {
    const env = { PATH: originalPath };
    const fused = run(argv, { ...options, env });
    expect(run(argv, { ...options, env: { ...env, TS_TOOLS_NO_FUSE: '1' } })).toEqual(fused);
    return fused;
  };
  for (const uid of USERS) {
    test(`behind others, as user ${uid}`, (context) => {
      needs(context, needsCompiler);
      const chain = [
        'ts-unshare',
        '-Urumpf',
        '--mount-proc',
        'ts-hostname',
        'inside',
        'ts-seccomp',
        '--profile',
        'default',
      ];
      const { stdout } = both(
        [...chain, 'sh', '-c', `hostname; ${caller} ${words(['sethostname,0,0', 'mount,0', 'getpid']).join(' ')}`],
        asUser(uid),
      );
      expect(stdout).toBe('inside\n1 1 0\n');
    });
    test(`before others, as user ${uid}`, () => {
      const chain = ['ts-seccomp', '--deny', 'sethostname=EACCES', 'ts-unshare', '-Uru', 'ts-hostname', 'x', 'true'];
      const { status, stderr } = both(chain, asUser(uid));
      expect(status).not.toBe(0);
      expect(stderr).toContain('Permission denied');
    });
    test(`two filters, as user ${uid}`, (context) => {
      needs(context, needsCompiler);
      const chain = ['ts-seccomp', '--deny', 'getppid', 'ts-seccomp', '--deny', 'getuid=ENOSYS', caller];
      expect(both([...chain, ...words(['getppid', 'getuid', 'getpid'])], asUser(uid)).stdout).toBe(
        `${EPERM} ${ENOSYS} 0\n`,
      );
    });
  }
});

describe('--dump and --check', () => {
  test('the bytes are the filter', () => {
    const raw = run(['sh', '-c', 'ts-seccomp --profile default --dump=raw | wc -c']).stdout;
    const lines = run(['ts-seccomp', '--profile', 'default', '--dump']).stdout.trimEnd().split('\n');
    expect(Number(raw)).toBe(8 * lines.length);
    expect(lines[0]?.trim()).toBe('0  load arch');
  });
  test('a reader that goes', () => {
    expect(run(['sh', '-c', 'ts-seccomp --profile default --dump | head -1']).stdout.trim()).toBe('0  load arch');
    expect(readFileSync('/proc/self/status', 'utf8')).toMatch(/^Seccomp:/m);
  });
  test('agrees with the kernel', (context) => {
    needs(context, needsCompiler);
    const calls = ['personality,4', 'personality,0xffffffff', 'socket,40,1,0', 'socket,1,1,0', 'reboot,0,0,0'];
    const got = errors(['ts-seccomp', '--profile', 'default', caller, ...words(calls)], {});
    const said = calls.map((call) => {
      const [name, ...args] = call.split(',');
      return run(['ts-seccomp', '--profile', 'default', '--check', `${name}(${args.join()})`]).stdout.split('\n')[0];
    });
    for (const [at, line] of said.entries()) expect(line?.endsWith(': allow')).toBe(got[at] === 0);
  });
});
