/** Chains: of one to six tools, and a whole container. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { all, bin, NO_FUSE } from './contenders.ts';
import { type Bench, type Contender, timed } from './measure.ts';

/** `length` times "unshare the host name", then true. */
function chain(length: number): Bench {
  const links = (...program: string[]) => Array.from({ length }, () => [...program, '-u']).flat();
  const own = [...links(`${bin}/ts-unshare`), '/bin/true'];
  return timed({
    name: `chain of ${length}`,
    contenders: [
      { who: 'originals', argv: [...links('/usr/bin/unshare'), '/bin/true'] },
      { who: 'ours, one process', argv: own },
      { who: 'ours, stand-alone', argv: [...links(all, 'unshare'), '/bin/true'] },
      { who: 'ours, TS_TOOLS_NO_FUSE', argv: own, env: NO_FUSE },
    ],
  });
}

const NAME = `ts-bench-${process.pid}`;
const folder = join(tmpdir(), NAME);
const root = join(folder, 'rootfs');
const bundle = join(folder, 'bundle');
const emitted = join(folder, 'emitted');

/** The container of the articles, without its terminal. `$t`: what stands before the names of the tools. */
const PIPELINE = `
\${t}cgexec -g cpu,memory:${NAME} \${t}unshare -muinpfr /bin/sh -c "
  \${t}mount -t proc proc ${root}/proc &&
  touch ${root}/dev/null && \${t}mount --bind /dev/null ${root}/dev/null &&
  \${t}hostname ${NAME} &&
  exec \${t}capsh --chroot=${root} --drop=cap_sys_chroot -- -c 'exec /bin/true'"`;

/** The same as one chain. */
const link = (program: (name: string) => readonly string[], ...first: string[]) => [
  ...[...program('cgexec'), ...first, '-g', `cpu,memory:${NAME}`],
  ...[...program('unshare'), '-muinpfr'],
  ...[...program('mount'), '-t', 'proc', 'proc', `${root}/proc`, '--'],
  ...[...program('mount'), '--bind', '/dev/null', `${root}/dev/null`, '--'],
  ...[...program('hostname'), NAME],
  ...[...program('capsh'), `--chroot=${root}`, '--drop=cap_sys_chroot', '--', '-c', 'exec /bin/true'],
];

const one = (name: string) => [`${bin}/ts-${name}`];

const NAMESPACES = ['mount', 'uts', 'ipc', 'network', 'pid'].map((type) => ({ type }));

/** What runc and crun are given: the same namespaces, mounts and program. */
const SPECIFICATION = {
  ociVersion: '1.0.2',
  process: { terminal: false, user: { uid: 0, gid: 0 }, args: ['/bin/true'], env: ['PATH=/bin'], cwd: '/' },
  root: { path: root, readonly: false },
  hostname: NAME,
  mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
  linux: { namespaces: NAMESPACES },
};

/** The group with its limit, the root file system, the bundle and the emitted chain. */
function container(): Disposable {
  const tool = (name: string, ...rest: string[]) =>
    execFileSync(join(bin, name), rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  mkdirSync(bundle, { recursive: true });
  const made = {
    [Symbol.dispose]: () => {
      tool('ts-cgdelete', '-r', '-g', `cpu,memory:${NAME}`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  tool('ts-cgcreate', '-g', `cpu,memory:${NAME}`);
  // A limit as in the articles on memory; one on the CPU would be measured instead of the tools.
  tool('ts-cgset', '--limit', 'memory=10M', NAME);
  tool('ts-rootfs', root);
  writeFileSync(join(root, 'dev/null'), '');
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(SPECIFICATION));
  const [, ...rest] = link(one, '--emit', emitted);
  tool('ts-cgexec', ...rest);
  return made;
}

const shell = (prefix: string) => ['/bin/sh', '-c', `t=${prefix}; ${PIPELINE}`];

const runtime = (path: string): Contender => ({
  who: path.split('/').at(-1) as string,
  // A name of its own: they make and remove control groups of it.
  argv: [path, 'run', '--bundle', bundle, `${NAME}-oci`],
});

const A1 = timed({
  name: 'container',
  around: container,
  contenders: [
    { who: 'originals, in a shell', argv: shell('') },
    { who: 'ours, one chain', argv: link(one) },
    { who: 'ours, in a shell', argv: shell(`${bin}/ts-`) },
    ...(existsSync(all) ? [{ who: 'ours, stand-alone', argv: link((name) => [all, name]) }] : []),
    { who: 'ours, emitted', argv: [emitted] },
    {
      who: 'bwrap',
      argv: [
        '/usr/bin/bwrap',
        ...['--unshare-user', '--unshare-ipc', '--unshare-uts', '--unshare-net', '--unshare-pid', '--hostname', NAME],
        ...['--bind', root, '/', '--proc', '/proc', '--dev-bind', '/dev/null', '/dev/null', '/bin/true'],
      ],
    },
    runtime('/usr/bin/crun'),
    runtime('/usr/sbin/runc'),
  ],
});

export const chainBenches = (): Bench[] => [...[1, 2, 3, 4, 5, 6].map(chain), A1];
