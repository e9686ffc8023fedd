/** Each tool doing its simplest real work, against its original. */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, original, ours, standalone } from './contenders.ts';
import { type Bench, type Contender, type Row, timed } from './measure.ts';

const GROUP = `ts-bench-${process.pid}`;
const g = `pids:${GROUP}`;
const folder = join(tmpdir(), GROUP);
const root = join(folder, 'root');
const program = join(folder, 'true');
const image = join(folder, 'image');

const tool = (name: string, ...rest: string[]) =>
  execFileSync(join(bin, name), rest, { stdio: ['ignore', 'ignore', 'pipe'] });

/** What libcgroup's lssubsys ends with on some hosts, its list printed. */
const LSSUBSYS = 82;

const nothing = (): Disposable => ({ [Symbol.dispose]: () => undefined });

/** A group for tools that need one. */
const group = (): Disposable => {
  tool('ts-cgcreate', '-g', g);
  return { [Symbol.dispose]: () => tool('ts-cgdelete', '-r', '-g', g) };
};

/** The same with a process that is moved into it. */
const classify: Bench = {
  name: 'cgclassify',
  run(runs) {
    if (process.getuid?.() !== 0) return [];
    using _around = group();
    const child = spawn('sleep', ['infinity'], { stdio: 'ignore' });
    try {
      const argv = ['-g', g, String(child.pid)];
      return bench('cgclassify', [original('/usr/bin/cgclassify', ...argv), ours('ts-cgclassify', ...argv)]).run(
        runs,
      ) as Row[];
    } finally {
      child.kill('SIGKILL');
    }
  },
};

/** Folders, a program of its own, a root file system and an image. */
const files = (): Disposable => {
  for (const name of ['l', 'u', 'w', 'm']) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync('/bin/true', program);
  tool('ts-rootfs', root);
  tool('ts-image', 'pack', image, join(folder, 'l'));
  return { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
};

/** What a step with no program of its own needs around it: a mount namespace, and the steps in one shell. */
const inShell = (who: string, script: string): Contender => ({
  who,
  argv: ['/usr/bin/unshare', '-m', '/bin/sh', '-c', script, folder],
});

const bench = (name: string, contenders: readonly Contender[], around?: () => Disposable): Bench =>
  timed({ name, contenders, ...(around && { around }) });

export const toolBenches = (): Bench[] => [
  bench('start', [
    { who: 'node, empty script', argv: [process.execPath, '-e', '0'] },
    ours('ts-unshare', '-u', '/bin/true'),
    ours('ts-hostname'),
  ]),
  bench('capsh', [original('/usr/sbin/capsh', '--decode=a80425fb'), ours('ts-capsh', '--decode=a80425fb')]),
  classify,
  bench('cgcreate', [original('/usr/bin/cgcreate', '-g', `${g}/a`), ours('ts-cgcreate', '-g', `${g}/b`)], group),
  bench(
    'cgcreate, cgdelete',
    [
      inShell('cgcreate, cgdelete', `/usr/bin/cgcreate -g ${g}/c && /usr/bin/cgdelete -g ${g}/c`),
      inShell('ts-cgcreate, ts-cgdelete', `${bin}/ts-cgcreate -g ${g}/c && ${bin}/ts-cgdelete -g ${g}/c`),
    ],
    group,
  ),
  bench('cgexec', [original('/usr/bin/cgexec', '-g', g, '/bin/true'), ours('ts-cgexec', '-g', g, '/bin/true')], group),
  bench(
    'cgget',
    [original('/usr/bin/cgget', '-r', 'pids.max', GROUP), ours('ts-cgget', '-r', 'pids.max', GROUP)],
    group,
  ),
  bench(
    'cgset',
    [original('/usr/bin/cgset', '-r', 'pids.max=100', GROUP), ours('ts-cgset', '-r', 'pids.max=100', GROUP)],
    group,
  ),
  bench('cgsnapshot', [
    original('/usr/bin/cgsnapshot', '-s', '-b', '/dev/null', '-w', '/dev/null'),
    ours('ts-cgsnapshot', '-s', '-b', '/dev/null', '-w', '/dev/null'),
  ]),
  bench('cgtop', [original('/usr/bin/systemd-cgtop', '-b', '-n', '1'), ours('ts-cgtop', '--once')]),
  bench('chroot', [original('/usr/sbin/chroot', '/', '/bin/true'), ours('ts-chroot', '/', '/bin/true')], nothing),
  bench('getcap', [original('/usr/sbin/getcap', '/bin/true'), ours('ts-getcap', '/bin/true')]),
  bench('getpcaps', [original('/usr/sbin/getpcaps', '1'), ours('ts-getpcaps', '1')]),
  bench('hostname', [original('/usr/bin/hostname'), ours('ts-hostname'), standalone('hostname')]),
  bench(
    'image',
    [original('/usr/bin/skopeo', 'inspect', '--raw', `oci:${image}`), ours('ts-image', 'inspect', image)],
    files,
  ),
  bench('lscgroup', [original('/usr/bin/lscgroup'), ours('ts-lscgroup')]),
  bench('lsns', [original('/usr/bin/lsns'), ours('ts-lsns')]),
  bench('lssubsys', [
    { ...original('/usr/bin/lssubsys', '-m', 'pids'), status: LSSUBSYS },
    ours('ts-lssubsys', '-m', 'pids'),
  ]),
  bench('mount (list)', [original('/usr/bin/mount'), ours('ts-mount')]),
  bench(
    'mount, umount',
    [
      inShell('mount, umount', '/usr/bin/mount -t tmpfs t $0/m && /usr/bin/umount $0/m'),
      inShell('ts-mount, ts-umount', `${bin}/ts-mount -t tmpfs t $0/m && ${bin}/ts-umount $0/m`),
    ],
    files,
  ),
  bench('netns', [original('/usr/sbin/ip', 'netns', 'list'), ours('ts-netns', 'list')]),
  bench('netns link', [original('/usr/sbin/ip', 'link'), ours('ts-netns', 'link', 'show')]),
  bench(
    'nsenter',
    [
      original('/usr/bin/nsenter', '-t', String(process.pid), '-u', '/bin/true'),
      ours('ts-nsenter', '-t', String(process.pid), '-u', '/bin/true'),
    ],
    nothing,
  ),
  bench(
    'overlay',
    [
      inShell(
        'unshare, mount, true',
        '/usr/bin/mount -t overlay -o lowerdir=$0/l,upperdir=$0/u,workdir=$0/w o $0/m && exec true',
      ),
      ours(
        'ts-overlay',
        '--private',
        '--lower',
        `${folder}/l`,
        '--upper',
        `${folder}/u`,
        '--work',
        `${folder}/w`,
        `${folder}/m`,
        '/bin/true',
      ),
    ],
    files,
  ),
  bench(
    'pivot',
    [
      inShell(
        'mount, pivot_root, true',
        'mount --bind $0/root $0/root && cd $0/root && mkdir -p old && pivot_root . old && exec /bin/true',
      ),
      {
        who: 'ts-unshare, ts-pivot, true',
        argv: [`${bin}/ts-unshare`, '-m', `${bin}/ts-pivot`, '--bind', root, join(root, 'old'), '--', '/bin/true'],
      },
    ],
    files,
  ),
  bench('prlimit', [
    original('/usr/bin/prlimit', '--nofile=100', '/bin/true'),
    ours('ts-prlimit', '--nofile=100', '/bin/true'),
  ]),
  bench(
    'seccomp',
    [ours('ts-unshare', '-u', '/bin/true'), ours('ts-seccomp', '--profile', 'default', '/bin/true')],
    nothing,
  ),
  bench(
    'setcap',
    [original('/usr/sbin/setcap', 'cap_net_raw+ep', program), ours('ts-setcap', 'cap_net_raw+ep', program)],
    files,
  ),
  bench('setpriv', [original('/usr/bin/setpriv', '--nnp', '/bin/true'), ours('ts-setpriv', '--nnp', '/bin/true')]),
  bench(
    'unshare',
    [
      original('/usr/bin/unshare', '-u', '/bin/true'),
      ours('ts-unshare', '-u', '/bin/true'),
      standalone('unshare', '-u', '/bin/true'),
    ],
    nothing,
  ),
];
