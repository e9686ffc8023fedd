/** Command lines and the tapes that come of them, in a made-up world: no rights needed. */
import { explain, parse, type World } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { changeSecureBits, secureBitNames } from './securebits.ts';
import { tool } from './setpriv.ts';

const ALL = (1n << 41n) - 1n;

const ACCOUNTS = [
  { name: 'root', uid: 0, gid: 0, home: '/root', shell: '' },
  { name: 'ann', uid: 1000, gid: 1000, home: '/home/ann', shell: '/bin/ash' },
];
const GROUPS = [
  { name: 'ann', gid: 1000, members: [] },
  { name: 'staff', gid: 50, members: ['ann'] },
];

const worldWith = (files: Readonly<Record<string, string>> = {}): World =>
  madeUpWorld({
    prog: 'setpriv',
    credentials: {
      uids: { real: 0, effective: 0, saved: 0 },
      sets: { effective: ALL, permitted: ALL, inheritable: 0n },
      securebits: 0,
    },
    environment: ['TERM=dumb', 'X=1', 'PATH=/x'],
    read: (path) =>
      ({ '/proc/sys/kernel/cap_last_cap': '40\n', '/etc/group': 'ann:x:1000:\nstaff:x:50:ann\n', ...files })[path],
    exists: (path) => path in files,
    user: (key) => ACCOUNTS.find(({ name, uid }) => key === name || key === uid),
    group: (key) => GROUPS.find(({ name, gid }) => key === name || key === gid),
  });

const planned = (words: string, world = worldWith()) =>
  tool.plan(parse(tool.options, words.split(' ').filter(Boolean), tool.grammar), world);

function recorded(words: string, world = worldWith()) {
  const sys = recording(1, true).speakFor('setpriv', 'ts-setpriv setpriv', 1);
  const outcome = tool.apply(planned(words, world), sys, world);
  return { tape: formatTape(sys.finish()), outcome };
}

describe('tapes', () => {
  test.each([
    '--nnp true',
    '--reuid ann --regid ann --init-groups true',
    '--ruid 5 --euid 6 --rgid 7 --clear-groups true',
    '--groups 4,staff true',
    '--bounding-set -all,+kill --inh-caps +kill,+net_raw --ambient-caps +kill true',
    '--securebits +noroot,+noroot_locked true',
    '--pdeathsig KILL --ptracer any true',
    '--pdeathsig clear --ptracer 5 true',
  ])('%s', (words) => expect(recorded(words).tape).toMatchSnapshot());

  test('labels', () => {
    const selinux = worldWith({ '/sys/fs/selinux': '' });
    expect(recorded('--nnp --selinux-label u:r:t:s0 true', selinux).tape).toMatchSnapshot();
    const apparmor = worldWith({ '/sys/kernel/security/apparmor': '', '/proc/self/attr/apparmor/exec': '' });
    expect(recorded('--apparmor-profile box true', apparmor).tape).toMatchSnapshot();
  });
});

test.each([
  ['--nnp true', []],
  ['--pdeathsig KILL true', []],
  ['--reuid 5 true', ['credentials', 'ids']],
  ['--keep-groups true', []],
  ['--inh-caps +kill true', ['credentials']],
])('%s: what the next tool of a chain must know', (words, changes) => {
  expect(recorded(words).outcome).toMatchObject({ become: ['true'], changes });
});

test('--reset-env', () => {
  expect(recorded('--reset-env --reuid ann true').outcome).toMatchObject({
    environment: [
      'TERM=dumb',
      'SHELL=/bin/ash',
      'HOME=/home/ann',
      'USER=ann',
      'LOGNAME=ann',
      'PATH=/usr/local/bin:/bin:/usr/bin',
    ],
  });
  expect(recorded('--reset-env true').outcome).toMatchObject({
    environment: expect.arrayContaining([
      'SHELL=/bin/sh',
      'PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin',
    ]),
  });
});

test.each([
  ['ENV_PATH PATH=/u', 'ann', '/u'],
  ['ENV_PATH\tPATH="/u:/v"\t# ours', 'ann', '/u:/v'],
  [' env_path = "/u"\nENV_SUPATH /s', 'ann', '/u'],
  ['ENV_PATH /t\nENV_PATH /u', 'ann', '/u'],
  ['ENV_SUPATH PATH=/s\nENV_ROOTPATH /r', 'root', '/s'],
  ['ENV_ROOTPATH /r', 'root', '/r'],
  ['#ENV_PATH /u\nENV_PATHS /u\nENV_PATH\n', 'ann', '/usr/local/bin:/bin:/usr/bin'],
  ['ENV_PATH PATH=', 'ann', '/usr/local/bin:/bin:/usr/bin'],
])('--reset-env with %j in login.defs: PATH of %s', (text, user, path) => {
  const words = `--reset-env --reuid ${user} true`;
  const { environment } = planned(words, worldWith({ '/etc/login.defs': `${text}\n` }));
  expect(environment?.at(-1)).toBe(`PATH=${path}`);
});

test.each([
  ['', 'No program specified'],
  ['--ptracer x true', "failed to parse ptracer pid: 'x'"],
  ['--ptracer 0 true', "failed to parse ptracer pid: '0': Numerical result out of range"],
  ['--ptracer 2147483648 true', "failed to parse ptracer pid: '2147483648': Numerical result out of range"],
  ['--reuid -1 true', "failed to parse reuid: '-1': Numerical result out of range"],
  ['--reuid 1e3 true', "failed to parse reuid: '1e3'"],
  ['--groups 4294967296 true', "Invalid supplementary group id: '4294967296': Numerical result out of range"],
  ['--reuid 7 --reset-env --init-groups true', 'uid 7 not found'],
  ['--selinux-label x true', 'SELinux is not running'],
  ['--apparmor-profile x true', 'AppArmor is not running'],
  ['--file-label x', "invalid file label: 'x'"],
  ['--file-label x=/y', 'SELinux is not running'],
  ['--seccomp-filter /nowhere true', 'cannot open /nowhere: No such file or directory'],
  ['--list-landlock-rights fs true', '--list-landlock-rights must be specified alone'],
  ['--landlock-support --nnp', '--landlock-support must be specified alone'],
])('%s is refused', (words, message) =>
  expect(() => planned(words)).toThrow(expect.objectContaining({ said: expect.stringContaining(message) })),
);

describe('secure bits', () => {
  test('by name', () => {
    expect(changeSecureBits(0, '+noroot,+no_cap_ambient_raise')).toBe(0x41);
    expect(changeSecureBits(0x43, '-all,+exec_deny_interactive')).toBe(0x400);
    expect(secureBitNames(0x403)).toEqual(['noroot', 'noroot_locked', 'exec_deny_interactive']);
    expect(secureBitNames(0x10010)).toEqual(['0x10000']);
    expect(secureBitNames(0x10)).toEqual([]);
  });
});

test('causes', () => {
  const cause = (subject: string, error: string, files = {}) =>
    explain(tool.causes ?? [], subject, error, worldWith(files));
  const none = { '/proc/self/status': 'CapPrm:\t0000000000000000\n' };
  expect(cause('lacks cap_setuid', 'EPERM', none)).toMatch(/^this needs CAP_SETUID: /);
  expect(cause('setgroups', 'EPERM', { '/proc/self/setgroups': 'deny\n' })).toMatch(/denies setgroups/);
  expect(cause('ambient cap_kill inheritable', 'EPERM')).toMatch(/--inh-caps \+kill/);
  expect(cause('ambient cap_kill permitted inheritable', 'EPERM')).toMatch(/is not permitted/);
  // What was held when it failed, or cannot be read, is not claimed.
  expect(cause('setgroups held', 'EPERM', none)).toBeUndefined();
  expect(cause('setgroups lacking', 'EPERM', none)).toMatch(/^this needs CAP_SETGID: /);
  expect(cause('inheritable cap_kill', 'EPERM')).toMatch(/^cap_kill can become inheritable only where it is permitted/);
  expect(cause('inheritable ', 'EPERM')).toBeUndefined();
  const there = (...paths: string[]) => ({
    ...worldWith({}),
    exists: (path: string) => paths.includes(path),
  });
  const why = (subject: string, ...paths: string[]) => explain(tool.causes ?? [], subject, 'EINVAL', there(...paths));
  const kernel = '/proc/sys/kernel';
  expect(why('ptracer 5')).toBeUndefined();
  expect(why('ptracer 5', kernel)).toMatch(/does not run Yama/);
  expect(why('ptracer 5', kernel, `${kernel}/yama`)).toBe('there is no process 5');
  expect(why('ptracer 5', kernel, `${kernel}/yama`, '/proc/5')).toBeUndefined();
  expect(why('seccomp')).toBeUndefined();
  expect(why('seccomp', kernel)).toMatch(/no seccomp filters/);
  expect(why('seccomp', kernel, `${kernel}/seccomp`)).toBeUndefined();
  expect(why('seccomp endless', kernel, `${kernel}/seccomp`)).toBe('a filter must end with a return');
  expect(cause('label SELinux a:b:c', 'EINVAL')).toMatch(/knows no context 'a:b:c'/);
  expect(cause('label AppArmor box', 'ENOENT')).toMatch(/no profile 'box' is loaded/);
  expect(cause('label AppArmor box', 'EPERM')).toMatch(/does not let this process/);
});
