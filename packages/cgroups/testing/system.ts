/** Systems for tests: the texts of recorded ones, and a cgroup v2 tree of plain files. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Sources } from '../src/hierarchies.ts';

type Recorded = Omit<Sources, 'controllersOf'> & { readonly controllers?: string };

const ALL_V1 = `#subsys_name	hierarchy	num_cgroups	enabled
cpuset	3	1	1
cpu	1	1	1
cpuacct	2	1	1
blkio	7	1	1
memory	4	11	1
devices	5	1	1
freezer	6	1	1
net_cls	0	1	1
perf_event	0	1	1
hugetlb	0	1	0
pids	8	1	1
`;

/** v1 as older distributions mount it: two pairs of controllers share a mount; the links beside them are not mounts. */
export const PURE_V1: Recorded = {
  mountinfo: `25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 25 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/systemd rw,nosuid shared:10 - cgroup cgroup rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd
34 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:13 - cgroup cgroup rw,cpu,cpuacct
35 30 0:31 / /sys/fs/cgroup/memory rw,nosuid shared:14 - cgroup cgroup rw,memory
36 30 0:32 / /sys/fs/cgroup/net\\040cls ro,nosuid shared:15 - cgroup cgroup rw,net_cls
`,
  self: `4:net_cls:/
3:memory:/user.slice
2:cpu,cpuacct:/user.slice
1:name=systemd:/user.slice/session-1.scope
`,
  cgroups: ALL_V1,
};

/** v1 for most controllers, and v2 beside it with what is left. */
export const HYBRID: Recorded = {
  mountinfo: `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`,
  self: `9:name=systemd:/
4:memory:/engine/38597c
2:cpuacct:/
1:cpu:/
0::/
`,
  cgroups: ALL_V1,
  controllers: 'hugetlb\n',
};

/** The v2 tree alone, as systemd mounts it. */
export const PURE_V2: Recorded = {
  mountinfo: `23 28 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
29 23 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`,
  self: '0::/user.slice/user-1000.slice/session-2.scope\n',
  cgroups: ALL_V1,
  controllers: 'cpuset cpu io memory hugetlb pids rdma misc\n',
};

/** Inside a container without a cgroup namespace: each mount shows the container's own group as its top. */
export const SUB_ROOT: Recorded = {
  mountinfo: `600 590 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct
601 590 0:31 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
`,
  self: `3:memory:/docker/abc/inner
2:cpu,cpuacct:/docker/abc
`,
  cgroups: ALL_V1,
};

export const sourcesOf = ({ controllers = '', ...texts }: Recorded): Sources => ({
  ...texts,
  controllersOf: () => controllers,
});

/** What a plan may know of a recorded system. */
export function recordedWorld({ mountinfo, self, cgroups, controllers = '' }: Recorded) {
  const texts: Readonly<Record<string, string>> = {
    '/proc/self/mountinfo': mountinfo,
    '/proc/self/cgroup': self,
    '/proc/cgroups': cgroups,
  };
  const read = (path: string) => texts[path] ?? (path.endsWith('/cgroup.controllers') ? controllers : undefined);
  return { ...SOMEBODY, read, exists: (path: string) => read(path) !== undefined };
}

const SOMEBODY = {
  prog: 'test',
  pid: 1000,
  uid: 0,
  euid: 0,
  gid: 0,
  egid: 0,
  environment: [],
  variable: () => undefined,
  user: (name: string | number) =>
    name === 'nobody' ? { name: 'nobody', uid: 65534, gid: 65534, home: '/', shell: '/bin/sh' } : undefined,
  group: (name: string | number) => (name === 'nogroup' ? { name: 'nogroup', gid: 65534, members: [] } : undefined),
  print: () => {},
  warn: () => {},
};

/** Files that every group of a v2 tree has; those of controllers come with them. */
const CORE_FILES = {
  'cgroup.procs': '',
  'cgroup.subtree_control': '',
  'cgroup.freeze': '0\n',
  'cpu.stat': 'usage_usec 2500000\nuser_usec 1500000\nsystem_usec 1000000\n',
};
const CONTROLLER_FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cpu: { 'cpu.weight': '100\n', 'cpu.max': 'max 100000\n' },
  io: { 'io.weight': 'default 100\n', 'io.max': '' },
  memory: {
    'memory.max': 'max\n',
    'memory.low': '0\n',
    'memory.high': 'max\n',
    'memory.current': '4096\n',
    'memory.swap.max': 'max\n',
    'memory.swap.current': '1024\n',
    'memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n',
  },
  hugetlb: { 'hugetlb.2MB.max': 'max\n' },
  pids: { 'pids.max': 'max\n', 'pids.current': '0\n' },
};

/** A v2 tree of plain files in a temporary folder, and a world in which it is the only hierarchy. */
export class V2Tree implements Disposable {
  readonly mount = mkdtempSync(join(tmpdir(), 'cgroup2-'));
  readonly controllers = ['cpu', 'io', 'memory', 'hugetlb', 'pids'];

  constructor(
    groups: Readonly<
      Record<string, { readonly controllers?: readonly string[]; readonly files?: Readonly<Record<string, string>> }>
    > = {},
  ) {
    this.add('/', this.controllers, {});
    for (const [path, { controllers = [], files = {} }] of Object.entries(groups)) this.add(path, controllers, files);
  }

  private add(path: string, controllers: readonly string[], files: Readonly<Record<string, string>>): void {
    const all = { ...CORE_FILES, 'cgroup.controllers': `${controllers.join(' ')}\n`, ...files };
    const given = Object.assign({}, ...(path === '/' ? [] : controllers.map((name) => CONTROLLER_FILES[name])), all);
    for (const [name, text] of Object.entries({ ...given, ...files })) {
      const file = join(this.mount, path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text as string);
    }
  }

  private texts(): Readonly<Record<string, string>> {
    return {
      '/proc/self/mountinfo': `29 23 0:25 / ${this.mount} rw - cgroup2 cgroup2 rw\n`,
      '/proc/self/cgroup': '0::/\n',
      '/proc/cgroups': ALL_V1,
    };
  }

  /** What a plan may know: three texts of /proc, and the files of the tree. */
  world() {
    const texts = this.texts();
    const read = (path: string) =>
      texts[path] ?? (path.startsWith(this.mount) && existsSync(path) ? readFileSync(path, 'utf8') : undefined);
    return { ...SOMEBODY, read, exists: (path: string) => path in texts || existsSync(path) };
  }

  /** A text with this tree's folder written as /CG. */
  shorten = (text: string) => text.replaceAll(this.mount, '/CG');

  [Symbol.dispose](): void {
    rmSync(this.mount, { recursive: true });
  }
}
