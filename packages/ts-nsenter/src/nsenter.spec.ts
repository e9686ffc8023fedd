/** Command lines and the tapes that come of them, in a made-up world: no rights needed. */
import { explain, parse, type World } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { Failure, formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { tool } from './nsenter.ts';

/** Processes that no system has: their numbers are too high. */
const FILES: Readonly<Record<string, string>> = {
  '/proc/sys/kernel/cap_last_cap': '1\n',
  '/proc/5555555': '',
  '/proc/5555555/environ': 'PATH=/there\0SHELL=/bin/ksh\0',
  '/proc/5555555/status': 'Name:\tsleep\nUid:\t1003\t1003\t1003\t1003\nGid:\t1004\t1004\t1004\t1004\n',
  '/proc/5555555/uid_map': '0 1000 10\n',
  '/proc/5555555/gid_map': '5 1004 1\n',
  '/proc/5555555/cgroup': '2:memory:/job\n1:cpu:/same\n0::/tree/leaf\n',
  '/proc/6666666': '',
  '/proc/6666666/status': 'Uid:\t1000\t1000\t1000\t1000\n',
  '/proc/6666666/cgroup': '2:memory:/../outside\n1:cpu:/same\n0::/mine\n',
  '/proc/self/cgroup': '2:memory:/\n1:cpu:/same\n0::/mine\n',
  '/proc/self/status': 'CapEff:\t0000000000000000\n',
  '/proc/self/mountinfo': [
    '20 1 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
    '21 1 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '22 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n'),
  '/sys/fs/cgroup/unified/cgroup.controllers': '',
};

const world = (uid: number): World =>
  madeUpWorld({
    prog: 'nsenter',
    uid,
    euid: uid,
    gid: uid,
    egid: uid,
    environment: ['PATH=/bin', 'SHELL=/bin/zsh'],
    variable: (name) => ({ PATH: '/bin', SHELL: '/bin/zsh' })[name],
    read: (path) => FILES[path] || undefined,
    exists: (path) => path in FILES,
  });

const planned = (words: string, uid = 0) =>
  tool.plan(parse(tool.options, words.split(' ').filter(Boolean), tool.grammar), world(uid));

function tapeOf(words: string): string {
  const sys = recording(1, true).speakFor('nsenter', 'ts-nsenter nsenter', 1);
  const outcome = tool.apply(planned(words), sys, world(0));
  const end =
    'become' in outcome ? [outcome.argv0, ...outcome.become, '| changes', ...(outcome.changes ?? [])] : ['exits'];
  return `${formatTape(sys.finish())}becomes ${end.filter((word) => word !== undefined).join(' ')}\n`;
}

describe('tapes', () => {
  test.each([
    '-u/run/uts sh',
    '-t 5555555 -u',
    '-t 5555555 -p -m sh',
    '-t 5555555 -p -F sh',
    '-t 5555555 -U -n sh',
    '-t 5555555 -U -n --preserve-credentials sh',
    '-t 5555555 -U --keep-caps --setuid=follow -G follow sh',
    '-u/uts -r/new sh',
    '-t 5555555 -u -r -w sh',
    '-t 5555555 -m -W/tmp sh',
    '-t 5555555 -N 4 sh',
    '-t 5555555 --user-parent -n sh',
    '-t 5555555 --user-parent -U sh',
    '-t 5555555 -u -c sh',
    '-t 5555555 --user-parent sh',
    '-u/uts -S 5 -G 6 sh',
    '-t 5555555 -p --status-fd 3 sh',
  ])('%s', (words) => {
    expect(tapeOf(words)).toMatchSnapshot();
  });
});

describe('what is opened', () => {
  const paths = (words: string) => planned(words).sources.map(({ path }) => path);
  test('files in the order given, then what is the target’s, the user namespace before the others', () => {
    expect(paths('-t 5555555 -m -n/run/net -U -w -u/run/uts sh')).toEqual([
      '/run/net',
      '/run/uts',
      '/proc/5555555/ns/user',
      '/proc/5555555/ns/mnt',
      '/proc/5555555/cwd',
    ]);
  });
  test('a network namespace by name, like its file', () => {
    expect(paths('--netns blue sh')).toEqual(['/run/netns/blue']);
    expect(paths('--netns=blue -n/run/net sh')).toEqual(['/run/net']);
    expect(paths('-n/run/net --netns blue -t 5555555 -a -U/u -C/c -i/i -u/u -p/p -m/m -T/t sh')[0]).toBe(
      '/run/netns/blue',
    );
  });
  test('an empty name is one, and never the target’s file', () => {
    expect(paths('-t 5555555 --uts= --root= --wd= sh')).toEqual(['', '', '']);
    expect(planned('-t 5555555 -u --wdns= sh').directoryInside).toBe('');
    expect(planned('-t 5555555 -u --wdns sh').directoryInside).toBeUndefined();
  });
  test('what stands behind an equals sign, but not of the root', () => {
    expect(paths('-u=/run/uts --wd==/a -r=/b sh')).toEqual(['/run/uts', '/a', '=/b']);
  });
  test('the user namespace that is left for the one above: the named one, else the target’s', () => {
    expect(paths('-t 5555555 --user-parent -n sh')).toEqual(['/proc/5555555/ns/user', '/proc/5555555/ns/net']);
    expect(paths('-U/run/user --user-parent sh')).toEqual(['/run/user']);
  });
  test('the last of several', () => {
    expect(paths('-u/run/a -u/run/b sh')).toEqual(['/run/b']);
  });
  test('--all leaves out one’s own user namespace, and a file replaces the target’s', () => {
    expect(paths(`-t ${process.pid} -a --net=/run/net sh`)).toEqual([
      '/run/net',
      ...['cgroup', 'ipc', 'uts', 'pid', 'mnt', 'time'].map((file) => `/proc/${process.pid}/ns/${file}`),
    ]);
  });
});

describe('what is taken from the target', () => {
  test('its environment, and the shell of that', () => {
    expect(planned('-t 5555555 -u -e')).toMatchObject({
      environment: ['PATH=/there', 'SHELL=/bin/ksh'],
      program: ['/bin/ksh'],
      argv0: '-ksh',
    });
  });
  test('its ids, as they are outside or inside of its user namespace', () => {
    expect(planned('-t 5555555 -u -S follow -G follow sh')).toMatchObject({ uid: 1003, gid: 1004 });
    expect(planned('-t 5555555 -U -S follow -G follow sh')).toMatchObject({ uid: 3, gid: 5 });
  });
  test('its control groups, where they are others than one’s own', () => {
    expect([...planned('-t 5555555 -u -c sh').groups].sort()).toEqual([
      '/sys/fs/cgroup/memory/job/cgroup.procs',
      '/sys/fs/cgroup/unified/tree/leaf/cgroup.procs',
    ]);
  });
  test('nothing where nothing was asked', () => {
    expect(planned('-t 5555555 -u sh')).toMatchObject({ groups: [], environment: undefined, looked: false });
  });
});

describe('credentials', () => {
  test('root of the user namespace, unless said otherwise', () => {
    expect(planned('-t 5555555 -U sh')).toMatchObject({ uid: 0, gid: 0 });
    expect(planned('-t 5555555 -U -S 7 sh')).toMatchObject({ uid: 7, gid: 0 });
    expect(planned('-t 5555555 -U --preserve-credentials sh')).toMatchObject({ uid: undefined, gid: undefined });
    expect(planned('-t 5555555 -n sh')).toMatchObject({ uid: undefined, gid: undefined });
  });
});

describe('what is refused', () => {
  test.each([
    ['-u sh', 'no target PID specified'],
    ['-t 0 -m sh', 'no target PID specified'],
    ['sh', 'no namespace specified'],
    ['-t 5555555 sh', 'no namespace specified'],
    ['-t 5555555 -r -w -e -c -F sh', 'no namespace specified'],
    ['-r/ -w/ sh', 'no namespace specified'],
    ['-W/ sh', 'no namespace specified'],
    ['-S 5 -G 6 sh', 'no namespace specified'],
    ['--user-parent sh', 'no target PID specified'],
    ['-r sh', 'neither filename nor target pid supplied for root'],
    ['-w sh', 'neither filename nor target pid supplied for cwd'],
    ['-a sh', 'no target PID specified for --all'],
    ['-c sh', 'neither filename nor target pid supplied for cgroup'],
    ['-e sh', 'neither filename nor target pid supplied for environ'],
    ['-N 3 sh', 'no target PID specified'],
    ['-t x sh', "failed to parse pid: 'x'"],
    ['-t 1x sh', "failed to parse pid: '1x'"],
    ['-t 1: sh', "failed to parse pid: '1:'"],
    ['-S 0x sh', "failed to parse uid: '0x'"],
    ['-w/a -W/b sh', 'mutually exclusive arguments: --wdns --wd'],
    ['-t -5 -u sh', "failed to parse pid: '-5': Numerical result out of range"],
    ['-t 2147483648 -u sh', "failed to parse pid: '2147483648': Numerical result out of range"],
    ['-t 1e3 -u sh', "failed to parse pid: '1e3'"],
    ['-t :5 -u sh', "failed to parse pid: ''"],
    ['-t 5555555 -N 99999999999 sh', "failed to parse file descriptor: '99999999999': Numerical result out of range"],
    ['-u:99999999999999999999 sh', 'failed to parse nsid: 99999999999999999999'],
    ['-t 99 -e sh', 'cannot open /proc/99/environ: No such file or directory'],
    ['-t 6666666 -e sh', 'cannot open /proc/6666666/environ: Permission denied'],
    ['-t 6666666 -c sh', 'the control group of process 6666666 is not visible below /sys/fs/cgroup/memory'],
    ['--netns a/b sh', "invalid name of a network namespace: 'a/b'"],
    ['--netns .. sh', "invalid name of a network namespace: '..'"],
    ['--netns= sh', "invalid name of a network namespace: ''"],
    ['-u:1x sh', 'failed to parse nsid: 1x'],
    ['-u: sh', 'failed to parse nsid: '],
    ['--target-cgroup /none -u sh', 'no such control group: /none'],
    ['--target-cgroup=/sys/fs/cgroup/memory/none -u sh', 'no such control group: /sys/fs/cgroup/memory/none'],
    ['--target-cgroup /a -t 5 -u sh', 'mutually exclusive arguments: --target --target-cgroup'],
    ['-t 5555555 -u -Z sh', 'SELinux is not enabled on this system'],
  ])('%s: %s', (words, message) => {
    expect(() => planned(words)).toThrow(Failure);
    expect(() => planned(words)).toThrow(message);
  });
});

describe('causes', () => {
  const HERE = { '/proc/self': '', '/proc/self/ns': '', '/proc/self/ns/uts': '' };
  const why = (subject: string, error: string, uid = 0, files: Readonly<Record<string, string | undefined>> = {}) => {
    const all: Readonly<Record<string, string | undefined>> = { ...FILES, ...HERE, ...files };
    return explain(tool.causes ?? [], subject, error, {
      ...world(uid),
      read: (path) => all[path],
      exists: (path) => all[path] !== undefined,
    });
  };
  const self = process.pid;
  const selfFiles = {
    [`/proc/${self}/status`]: `Uid:\t${process.geteuid?.()}\t0\t0\t0\nCapPrm:\t0000000000000001\n`,
  };

  test.each([
    ['open 9999999 ns/uts', 'ENOENT', 0, {}, /no process 9999999 here/],
    ['open 5555555 ns/odd', 'ENOENT', 0, {}, /no odd namespaces/],
    ['open 5555555 ns/uts', 'EACCES', 1000, {}, /belongs to user 1003/],
    [
      `open ${self}`,
      'ESRCH',
      1000,
      { '/proc/self/mountinfo': '5 1 0:5 / /proc rw - proc proc rw,hidepid=invisible\n' },
      /hidepid/,
    ],
    ['setns uts', 'EPERM', 1000, {}, /CAP_SYS_ADMIN/],
    [`setns user /proc/${self}/ns/user`, 'EINVAL', 0, {}, /in already/],
    [`setns user /proc/${self}/ns/uts`, 'EINVAL', 0, {}, /is a uts namespace: --uts enters it/],
    ['setns uts /etc/passwd', 'EINVAL', 0, {}, /\/etc\/passwd is no namespace/],
    ['parent /proc/self/ns/uts', 'EPERM', 0, {}, /outside of your own user namespace/],
    ['setgroups', 'EPERM', 1000, { '/proc/self/setgroups': 'deny\n' }, /denied: add --preserve-credentials/],
    ['setgroups', 'EPERM', 1000, { '/proc/self/gid_map': '' }, /maps no groups yet/],
  ] as const)('%s %s as %i', (subject, error, uid, files, words) => {
    expect(why(subject, error, uid, files)).toMatch(words);
  });

  test('a process of one’s own with more capabilities', () => {
    const files = { ...selfFiles, '/proc/self/status': 'CapPrm:\t0000000000000000\n' };
    const uid = process.geteuid?.() ?? 0;
    const said = why(`open ${self} ns/uts`, 'EACCES', uid, files);
    if (uid === 0) expect(said).toBeUndefined();
    else expect(said).toMatch(/yours but has capabilities/);
    expect(
      why('open 6666666 ns/uts', 'EACCES', 1000, {
        '/proc/self/status': 'CapPrm:\t0000000000000000\n',
        '/proc/6666666/status': 'Uid:\t1000\t0\t0\t0\nCapPrm:\t0000000000000001\n',
      }),
    ).toMatch(/yours but has capabilities that you lack/);
  });

  test.each([
    ['root may look at all', 'open 5555555 ns/uts', 'EACCES', 0, {}],
    ['nothing is known of the process', 'open 6666666 ns/uts', 'EACCES', 1000, {}],
    [
      'the file of the status has no owner',
      'open 6666666 ns/uts',
      'EACCES',
      1000,
      { '/proc/6666666/status': 'Uid:\tx\n' },
    ],
    ['there is no /proc', 'open 9999999 ns/uts', 'ENOENT', 0, { '/proc/self': undefined, '/proc/self/ns': undefined }],
    ['the process is there, and /proc hides nothing', `open ${self}`, 'ESRCH', 1000, {}],
    ['the capabilities cannot be read', 'setns uts', 'EPERM', 1000, { '/proc/self/status': undefined }],
    ['it cannot be opened', 'setns user', 'EINVAL', 0, {}],
    ['what was named has gone', 'parent /proc/9999999/ns/user', 'EPERM', 0, {}],
    ['setgroups is allowed', 'setgroups', 'EPERM', 1000, { '/proc/self/setgroups': 'allow\n' }],
    ['nothing of groups can be read', 'setgroups', 'EPERM', 1000, {}],
    [
      'the target shares one’s user namespace',
      `setns uts /proc/${self}/ns/uts`,
      'EPERM',
      0,
      { '/proc/self/status': undefined },
    ],
  ] as const)('nothing is claimed where %s', (_, subject, error, uid, files) => {
    expect(why(subject, error, uid, files)).toBeUndefined();
  });
});
