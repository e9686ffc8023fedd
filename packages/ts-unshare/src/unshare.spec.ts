/** Command lines and the tapes that come of them, in a made-up world: no rights needed. */
import { explain, parse, type World } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { Failure, formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { tool } from './unshare.ts';

const FILES: Readonly<Record<string, string>> = {
  '/etc/subuid': 'anna:100000:65536\n',
  '/etc/subgid': 'anna:200000:65536\n',
  '/proc/self/uid_map': '         0          0 4294967295\n',
  '/proc/self/gid_map': '         0          0 4294967295\n',
  '/proc/sys/kernel/cap_last_cap': '2\n',
};
const ACCOUNTS = [
  { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' },
  { name: 'anna', uid: 1000, gid: 1000, home: '/home/anna', shell: '/bin/sh' },
];

const world = (uid: number): World =>
  madeUpWorld({
    prog: 'unshare',
    uid,
    euid: uid,
    gid: uid,
    egid: uid,
    environment: ['PATH=/bin', 'SHELL=/bin/zsh', 'KEPT=1'],
    variable: (name) => ({ PATH: '/bin', SHELL: '/bin/zsh', KEPT: '1' })[name],
    read: (path) => FILES[path],
    exists: (path) => path in FILES,
    user: (id) => ACCOUNTS.find(({ name, uid: number }) => id === name || id === number),
    group: (id) =>
      id === 'anna' || id === 1000
        ? { name: 'anna', gid: 1000, members: [] }
        : id === 'root' || id === 0
          ? { name: 'root', gid: 0, members: [] }
          : undefined,
  });

const planned = (words: string, uid = 0) =>
  tool.plan(parse(tool.options, words.split(' ').filter(Boolean), tool.grammar), world(uid));

function tapeOf(words: string, uid = 0): string {
  const sys = recording(1, true).speakFor('unshare', 'ts-unshare unshare', 1);
  const outcome = tool.apply(planned(words, uid), sys, world(uid));
  const program = 'become' in outcome ? [outcome.argv0, ...outcome.become, '|', ...(outcome.environment ?? [])] : [];
  return `${formatTape(sys.finish())}becomes ${program.filter((word) => word !== undefined).join(' ')}\n`;
}

describe('tapes', () => {
  test.each([
    ['-u sh', 0],
    ['-muinpCT --fork sh', 0],
    ['-r sh', 1000],
    ['-c --setgroups=deny sh', 1000],
    ['--map-auto sh', 1000],
    ['-U --map-users=0:100:5 --map-groups=0:200:5 sh', 0],
    ['--kill-child=TERM --pid --mount-proc sh', 0],
    ['--forward-signals sh', 0],
    ['--uts=/run/uts -m sh', 0],
    ['-R /new -w /tmp -S 5 -G 6 sh', 0],
    ['-T --monotonic 5 --boottime -7 sh', 0],
    ['-r --keep-caps sh', 1000],
    ['-m --propagation=unchanged', 0],
    ['--clear-env --whitelist-env=KEPT env', 0],
  ] as const)('%s as %i', (words, uid) => {
    expect(tapeOf(words, uid)).toMatchSnapshot();
  });
});

describe('what is asked of maps', () => {
  test('one id of one’s own: written by the process itself', () => {
    expect(planned('-r sh', 1000)).toMatchObject({
      uidMap: { ranges: [{ inner: 0, outer: 1000, count: 1 }], by: 'self' },
      gidMap: { ranges: [{ inner: 0, outer: 1000, count: 1 }], by: 'self' },
    });
    expect(planned('--map-user=anna sh', 1000)).toMatchObject({
      uidMap: { ranges: [{ inner: 1000, outer: 1000, count: 1 }] },
    });
  });
  test('ranges: by a helper with rights, else by newuidmap', () => {
    expect(planned('--map-users=0:10:3 sh', 0)).toMatchObject({
      uidMap: { ranges: [{ inner: 0, outer: 10, count: 3 }], by: 'helper' },
    });
    expect(planned('--map-users=10,0,3 sh', 1000)).toMatchObject({
      uidMap: { ranges: [{ inner: 0, outer: 10, count: 3 }], by: 'newidmap' },
    });
  });
  test('the subordinate ids, with root in front of them', () => {
    expect(planned('-r --map-auto sh', 1000).uidMap?.ranges).toEqual([
      { inner: 0, outer: 1000, count: 1 },
      { inner: 1, outer: 100000, count: 65536 },
    ]);
    expect(planned('--map-subids sh', 1000).gidMap?.ranges).toEqual([{ inner: 200000, outer: 200000, count: 65536 }]);
  });
  test('several, and all', () => {
    expect(planned('--map-users=0:10:3 --map-users=5:20:2 sh').uidMap?.ranges).toHaveLength(2);
    expect(planned('--map-users=all sh').uidMap?.ranges).toEqual([{ inner: 0, outer: 0, count: 4294967295 }]);
  });
});

describe('what is refused', () => {
  test.each([
    ['--map-user=nobody-there sh', /failed to parse uid/],
    ['--map-users=1:2 sh', /invalid mapping/],
    ['--propagation=odd sh', /propagation/],
    ['--setgroups=odd sh', /unsupported --setgroups argument/],
    ['-r --setgroups=allow sh', /mutually exclusive|cannot/],
    ['--monotonic 5 sh', /require unsharing of a time namespace/],
    ['-T --monotonic x sh', /failed to parse monotonic offset/],
    ['--kill-child=NOSUCH sh', /unknown signal: NOSUCH/],
    ['-S x sh', /failed to parse uid/],
    ['--owner=1 sh', /failed to parse owner/],
    ['--owner=1:2:3 sh', /failed to parse owner/],
    ['--kill-child= sh', /unknown signal: $/],
    ['-T --monotonic 99999999999999999999 sh', /'99999999999999999999': Numerical result out of range/],
    ['-T --boottime=1e3 sh', /failed to parse boottime offset: '1e3'$/],
    ['-T --boottime= sh', /failed to parse boottime offset: ''$/],
    ['--status-fd=-1 sh', /failed to parse status descriptor: '-1': Numerical result out of range/],
    ['-S -1 sh', /failed to parse uid: '-1': Numerical result out of range/],
    ['-S 4294967295 sh', /failed to parse uid: '4294967295': Numerical result out of range/],
    ['--map-user=1e3 sh', /failed to parse uid: '1e3'$/],
    ['--map-users=4294967295:0:1 sh', /invalid mapping '4294967295:0:1'/],
  ] as const)('%s', (words, message) => {
    expect(() => planned(words)).toThrow(Failure);
    expect(() => planned(words)).toThrow(message);
  });
});

test('without a program: the shell, as a login shell', () => {
  expect(planned('-u')).toMatchObject({ program: ['/bin/zsh'], argv0: '-zsh' });
  expect(planned('-u sh')).toMatchObject({ program: ['sh'], argv0: undefined });
});

test('an empty argument is not one left out', () => {
  expect(planned('--uts= --mount-proc= --mount-binfmt= sh')).toMatchObject({
    persist: [{ file: '' }],
    mountProc: '',
    mountBinfmt: '',
  });
  expect(planned('--uts --mount-proc --mount-binfmt sh')).toMatchObject({
    persist: [],
    mountProc: '/proc',
    mountBinfmt: '/proc/sys/fs/binfmt_misc',
  });
});

test('files of ids that cannot be read or hold nonsense', () => {
  const input = parse(tool.options, ['--map-users=auto', 'sh'], tool.grammar);
  const withFile = (text: string | undefined) => () =>
    tool.plan(input, { ...world(1000), read: (path) => (path === '/etc/subuid' ? text : FILES[path]) });
  expect(withFile('anna:x:1\n')).toThrow("failed to parse subid map: 'anna:x:1'");
  expect(withFile('')).toThrow('no line matching user "anna" in /etc/subuid');
  expect(withFile(undefined)).toThrow("could not open '/etc/subuid': Permission denied");
  const all = parse(tool.options, ['--map-users=all', 'sh'], tool.grammar);
  expect(() => tool.plan(all, { ...world(1000), read: () => undefined, exists: () => false })).toThrow(
    "could not open '/proc/self/uid_map': No such file or directory",
  );
});

test('what an option implies', () => {
  expect(planned('--kill-child sh')).toMatchObject({ fork: true, killChild: 9 });
  expect(planned('--mount-proc sh')).toMatchObject({ mountProc: '/proc', namespaces: 0x20000 });
  expect(planned('-r sh', 1000).namespaces).toBe(0x10000000);
  expect(planned('-m sh').propagation).not.toBe(0);
});

describe('causes', () => {
  const ROOT = '1 0 0:1 / / rw - ext4 /dev/a rw\n';
  const FULL = 'CapEff:\tffffffffffffffff\n';
  const NONE = 'CapEff:\t0000000000000000\n';
  const KNOWN = { '/proc/self/uid_map': '0 0 4294967295\n', '/proc/self/gid_map': '0 0 4294967295\n' };
  const why = (subject: string, error: string, files: Readonly<Record<string, string>>, uid = 1000) =>
    explain(tool.causes ?? [], subject, error, {
      ...world(uid),
      read: (path) => files[path],
      exists: (path) => path in files,
    });
  const CLONE = '/proc/sys/kernel/unprivileged_userns_clone';
  const ARMOR = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';
  const limit = (kind: string) => `/proc/sys/user/max_${kind}_namespaces`;

  test.each([
    ['unshare user', 'EPERM', { [CLONE]: '0\n', '/proc/self/status': NONE }, /unprivileged_userns_clone=1/],
    ['unshare user', 'EACCES', { [ARMOR]: '1\n' }, /AppArmor restricts/],
    ['unshare user', 'EPERM', { '/proc/self/mountinfo': '5 1 0:5 / /proc rw - proc proc rw\n' }, /in a chroot/],
    ['unshare user', 'EPERM', { '/proc/self/uid_map': '0 5 1\n', '/proc/self/gid_map': '0 5 1\n' }, /not mapped/],
    ['unshare mnt uts', 'EPERM', { '/proc/self/status': NONE }, /CAP_SYS_ADMIN/],
    ['unshare user net', 'ENOSPC', { [limit('user')]: '5\n', [limit('net')]: '0\n' }, /max_net_namespaces is 0/],
    ['unshare net', 'ENOSPC', { [limit('net')]: '5\n' }, /^all of user.max_net_namespaces \(5 here/],
    [
      'unshare user',
      'EUSERS',
      { [limit('user')]: '5\n' },
      /^either all of user.max_user_namespaces .* nested 32 deep$/,
    ],
    ['unshare time', 'EINVAL', { '/proc/self/ns': '' }, /no time namespaces/],
    ['bind uts /run/none', 'ENOENT', {}, /touch \/run\/none/],
    [
      'bind mnt /',
      'EINVAL',
      { '/proc/self/mountinfo': '1 0 0:1 / / rw shared:1 - ext4 /dev/a rw\n' },
      /private propagation/,
    ],
    ['newidmap newuidmap', 'ENOENT', {}, /package uidmap/],
  ] as const)('%s %s', (subject, error, files, words) => {
    expect(why(subject, error, files)).toMatch(words);
  });

  test.each([
    ['nothing can be read', 'unshare user', 'EPERM', {}],
    ['nothing can be read', 'unshare mnt', 'EPERM', {}],
    ['the capability is there', 'unshare mnt', 'EPERM', { '/proc/self/status': FULL }],
    ['the setting is another', 'unshare user', 'EPERM', { [CLONE]: '1\n', '/proc/self/status': NONE }],
    ['the caller is privileged', 'unshare user', 'EPERM', { [CLONE]: '0\n', '/proc/self/status': FULL }],
    ['the setting is no number', 'unshare user', 'EPERM', { [CLONE]: ' \n', '/proc/self/status': NONE }],
    ['the root is a mount point', 'unshare user', 'EPERM', { ...KNOWN, '/proc/self/mountinfo': ROOT }],
    ['AppArmor does not restrict', 'unshare user', 'EACCES', { [ARMOR]: '0\n' }],
    ['it could be either', 'unshare user net', 'ENOSPC', { [limit('user')]: '5\n', [limit('net')]: '5\n' }],
    ['no limit can be read', 'unshare net', 'ENOSPC', {}],
    ['there is no /proc', 'unshare time', 'EINVAL', {}],
    ['no file was named', 'bind uts ', 'ENOENT', {}],
    ['the file is there', 'bind uts /run/uts', 'ENOENT', { '/run/uts': '' }],
    ['the mount is private', 'bind uts /run/uts', 'EINVAL', { '/proc/self/mountinfo': ROOT }],
    ['no mount namespace above is older', 'bind mnt /run/mnt', 'EINVAL', { '/proc/self/mountinfo': ROOT }],
    ['newuidmap is somewhere', 'newidmap newuidmap', 'ENOENT', { '/usr/sbin/newuidmap': '' }],
    [
      'a whole /proc is seen',
      'mount-proc /proc',
      'EPERM',
      { '/proc/self/mountinfo': `${ROOT}2 1 0:2 / /proc rw - proc proc rw\n` },
    ],
  ] as const)('nothing is claimed where %s: %s %s', (_, subject, error, files) => {
    expect(why(subject, error, files)).toBeUndefined();
  });
});
