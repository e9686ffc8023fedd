/** C6: each controller does its job. What v1 has not mounted, the test mounts in a mount namespace of its own. */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { mountOf, OwnGroup, trees } from '../harness/cgroups.ts';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { originalPath, type Result, root, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsController, needsProgram, needsRoot } from '../harness/skip.ts';
import { until, untilScopeEnds } from '../harness/target.ts';

/** A shell that counts in a loop, until the test's scope ends. */
const busy = (line: string) => untilScopeEnds(['sh', '-c', line], { env: { PATH: originalPath } });

/** Controllers that the kernel has and nobody has mounted, mounted for the shell scripts of a test, and for them alone. */
function ownMount(context: TestContext, controllers: string) {
  needs(context, needsRoot);
  const known = readFileSync('/proc/cgroups', 'utf8');
  const mounted = trees().flatMap((tree) => tree.controllers);
  for (const name of controllers.split(','))
    if (!new RegExp(`^${name}\\t.*1$`, 'm').test(known) || mounted.includes(name))
      context.skip(`${name} is not a controller that this kernel has and that is free`);
  const folder = temporaryFolder();
  const path = join(folder.path, 'mount');
  mkdirSync(path);
  return {
    path,
    folder: folder.path,
    shell(script: string): Result {
      const result = run([
        ...['unshare', '-m', 'sh', '-c'],
        // A hierarchy whose groups are still on their way out outlives its mount; the next umount takes it away.
        `mount() { command mount -t cgroup -o ${controllers} none ${path}; }
         mount || exit 76; sh -c "$1"; status=$?; umount ${path}
         for round in $(seq 20); do
           sleep 0.2; grep -q ":${controllers}:" /proc/self/cgroup || break
           mount && umount ${path}
         done; exit $status`,
        ...['sh', script],
      ]);
      if (result.status === 76) context.skip(`${controllers} cannot be mounted: ${result.stderr}`);
      return result;
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const LOOP = 'exec sh -c "while :; do :; done"';
/** User and system time of a process in ticks. */
const ticks = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
};

describe('C6', () => {
  test('cpu: shares decide between two that want one CPU', async (context) => {
    needs(context, needsRoot, needsController('cpu', 'cpuset'));
    using group = new OwnGroup();
    const { name } = group;
    const [cpu] = readFileSync(join(mountOf('cpuset'), 'cpuset.effective_cpus'), 'utf8')
      .trim()
      .split(/[,-]/);
    shell(`ts-cgcreate -g cpu:${name}/much -g cpu:${name}/little
      ts-cgset -r cpu.shares=4096 ${name}/much; ts-cgset -r cpu.shares=512 ${name}/little`);
    const pinned = (which: string) => `ts-cgexec -g cpu:${name}/${which} taskset -c ${cpu} ${LOOP.slice(5)}`;
    await using much = busy(`exec ${pinned('much')}`);
    await using little = busy(`exec ${pinned('little')}`);
    until('both have run', () => ticks(much.pid) > 0 && ticks(little.pid) > 2);
    const before = [ticks(much.pid), ticks(little.pid)] as const;
    until('the large one has had a while', () => ticks(much.pid) > before[0] + 80);
    // 8 to 1, with room for what else this machine does.
    const [large, small] = [ticks(much.pid) - before[0], ticks(little.pid) - before[1]];
    expect(large / small).toBeGreaterThan(3);
  });

  test('cpuacct: time is counted', (context) => {
    needs(context, needsRoot, needsController('cpuacct'));
    using group = new OwnGroup();
    const used = `i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done`;
    const { stdout } = shell(`ts-cgcreate -g cpuacct:${group.name}; ts-cgget -nv -r cpuacct.usage ${group.name}
      ts-cgexec -g cpuacct:${group.name} sh -c '${used}'; ts-cgget -nv -r cpuacct.usage -r cpuacct.stat ${group.name}`);
    const [before, after, user] = stdout.split('\n') as [string, string, string];
    expect(before).toBe('0');
    expect(Number(after)).toBeGreaterThan(10_000_000);
    expect(user).toMatch(/^user \d+$/);
  });

  test('cpuset: pinned to one CPU', async (context) => {
    needs(context, needsRoot, needsController('cpuset'));
    using group = new OwnGroup();
    const all = readFileSync(join(mountOf('cpuset'), 'cpuset.effective_cpus'), 'utf8').trim();
    const last = all.split(/[,-]/).at(-1) as string;
    shell(`ts-cgcreate -g cpuset:${group.name}; ts-cgset --limit cpus=${last} -r cpuset.mems=0 ${group.name}`);
    const { stdout } = run([
      'ts-cgexec',
      '-g',
      `cpuset:${group.name}`,
      'grep',
      'Cpus_allowed_list',
      '/proc/self/status',
    ]);
    expect(stdout).toBe(`Cpus_allowed_list:\t${last}\n`);
    await using looping = busy(`exec ts-cgexec -g cpuset:${group.name} ${LOOP.slice(5)}`);
    until('it has run', () => ticks(looping.pid) > 10);
    for (let round = 0; round < 20; round++)
      expect(readFileSync(`/proc/${looping.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[36]).toBe(last);
    const outside = run(['ts-cgset', '-r', 'cpuset.cpus=4095', group.name]);
    expect(outside).toMatchObject({ status: 96, stderr: expect.stringContaining("cannot write '4095' to ") });
  });

  test('freezer: no progress while frozen, then it goes on', async (context) => {
    needs(context, needsRoot, needsController('freezer'));
    using group = new OwnGroup();
    shell(`ts-cgcreate -g freezer:${group.name}`);
    await using looping = busy(`exec ts-cgexec -g freezer:${group.name} ${LOOP.slice(5)}`);
    until('it runs', () => ticks(looping.pid) > 5);
    run(['ts-cgset', '-r', 'freezer.state=FROZEN', group.name]);
    until('it is frozen', () => group.read('freezer', 'freezer.state') === 'FROZEN');
    const frozen = ticks(looping.pid);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(ticks(looping.pid)).toBe(frozen);
    run(['ts-cgset', '-r', 'cgroup.freeze=0', group.name]);
    until('it goes on', () => ticks(looping.pid) > frozen + 5);
  });

  test('pids: fork fails at the limit', (context) => {
    needs(context, needsRoot, needsController('pids'));
    using group = new OwnGroup();
    const { stderr, status } = shell(
      `ts-cgcreate -g pids:${group.name}; ts-cgset --limit pids=3 ${group.name}; ts-cgexec -g pids:${group.name} sh -c 'sleep 1 & sleep 1 & sleep 1 & wait'`,
    );
    expect(stderr).toMatch(/[Cc]annot fork|Resource temporarily unavailable/);
    expect(status).not.toBe(0);
    expect(group.read('pids', 'pids.events')).toMatch(/^max [1-9]/);
  });

  test('devices: what is denied gives EPERM', (context) => {
    needs(context, needsRoot, needsController('devices'));
    using group = new OwnGroup();
    const { stdout, stderr } = shell(`ts-cgcreate -g devices:${group.name}
      ts-cgset -r devices.deny=a -r 'devices.allow=c 1:3 rw' ${group.name}; ts-cgget -nv -r devices.list ${group.name}
      ts-cgexec -g devices:${group.name} sh -c 'echo > /dev/null && echo null; head -c 1 /dev/zero'`);
    expect(stdout).toBe('c 1:3 rw\nnull\n');
    expect(stderr).toContain("cannot open '/dev/zero' for reading: Operation not permitted");
  });

  test('blkio: a limit for writes holds, and bytes are counted', (context) => {
    needs(context, needsRoot, needsController('blkio'));
    using folder = temporaryFolder();
    using group = new OwnGroup();
    const { dev } = statSync(folder.path);
    const device = `${(dev >> 8) & 0xfff}:${dev & 0xff}`;
    if (!existsSync(`/sys/dev/block/${device}/queue`)) context.skip(`${folder.path} is on no whole disk`);
    const file = join(folder.path, 'file');
    shell(`ts-cgcreate -g blkio:${group.name}; ts-cgset --limit write-bps=${device}:2M ${group.name}`);
    expect(group.read('blkio', 'blkio.throttle.write_bps_device')).toBe(`${device} 2097152`);
    const started = process.hrtime.bigint();
    const { stderr, status } = run([
      ...['ts-cgexec', '-g', `blkio:${group.name}`, 'dd', 'if=/dev/zero', `of=${file}`],
      ...['bs=512K', 'count=4', 'oflag=direct'],
    ]);
    if (/Invalid argument/.test(stderr)) context.skip('no direct I/O here');
    expect(status, stderr).toBe(0);
    // 2 MiB at 2 MiB/s.
    expect(Number(process.hrtime.bigint() - started)).toBeGreaterThan(0.7e9);
    const { stdout } = run(['ts-cgget', '-nv', '-r', 'io.stat', group.name]);
    expect(stdout).toMatch(new RegExp(`^\\t?${device} rbytes=\\d+ wbytes=2097152 rios=\\d+ wios=[1-9]`, 'm'));
  });

  for (const { controllers, check } of [
    {
      controllers: 'net_cls,net_prio',
      check: (name: string) => `ts-cgset -r net_cls.classid=0x100001 -r 'net_prio.ifpriomap=lo 5' ${name}
        ts-cgget -nv -r net_cls.classid ${name}; ts-cgget -nv -r net_prio.ifpriomap ${name} | tr -d '\\t' | grep ^lo`,
    },
    { controllers: 'perf_event', check: () => 'true' },
    {
      controllers: 'hugetlb',
      check: (name: string) =>
        `ts-cgset -r hugetlb.2MB.limit_in_bytes=4M ${name}; ts-cgget -nv -r hugetlb.2MB.max ${name}`,
    },
  ])
    test(`${controllers}: where the kernel has it, mounted by the test`, (context) => {
      using mounted = ownMount(context, controllers);
      using group = new OwnGroup();
      const { name } = group;
      const { stdout, stderr } = mounted.shell(`ts-lssubsys -m ${controllers.split(',')[0]}
        ts-cgcreate -g ${controllers}:${name} && ts-cgexec -g ${controllers}:${name} grep -c /${name} /proc/self/cgroup
        ${check(name)}
        ts-cgdelete ${controllers}:${name}; ts-lscgroup ${controllers}:/`);
      expect(stderr).toBe('');
      const values = { 'net_cls,net_prio': ['1048577', 'lo 5'], perf_event: [], hugetlb: ['4194304'] }[controllers];
      expect(stdout.trim().split('\n')).toEqual([
        `${controllers} ${mounted.path}`,
        '1',
        ...(values as string[]),
        `${controllers}:/`,
      ]);
    });

  test('net_cls: netfilter knows packets by the class of their sender', (context) => {
    needs(context, needsRoot, needsProgram('nft', 'ping'));
    using mounted = ownMount(context, 'net_cls,net_prio');
    using group = new OwnGroup();
    const { name } = group;
    const ping = 'ping -c 2 -i 0.01 -q 127.0.0.1 >/dev/null';
    const count = 'nft list chain ip t out | grep -o "packets [0-9]*"';
    const { stdout, stderr, status } = mounted.shell(`ts-cgcreate -g net_cls:${name}
      ts-cgset -r net_cls.classid=0x100001 ${name}
      unshare -n sh -c '
        ip link set lo up
        nft add table ip t
        nft add chain ip t out "{ type filter hook output priority 0; }" && nft add rule ip t out meta cgroup 1048577 counter || exit 78
        ${ping}; ${count}
        ts-cgexec -g net_cls:${name} ${ping}; ${count}'
      status=$?; ts-cgdelete net_cls:${name}; exit $status`);
    if (status === 78) context.skip(`netfilter does not match classes here: ${stderr}`);
    expect({ stdout, stderr }).toEqual({ stdout: 'packets 0\npackets 2\n', stderr: '' });
  });

  test('net_prio: packets leave with the priority that their group has for the device', (context) => {
    needs(context, needsRoot, needsCompiler);
    using mounted = ownMount(context, 'net_cls,net_prio');
    using group = new OwnGroup();
    const { name } = group;
    const program = join(mounted.folder, 'priority');
    compileC(join(root, 'e2e/harness/priority.c'), program);
    const { stdout, stderr, status } = mounted.shell(`ts-cgcreate -g net_prio:${name}
      ts-cgset -r 'net_prio.ifpriomap=lo 5' ${name}
      ${program}; ts-cgexec -g net_prio:${name} ${program}; status=$?; ts-cgdelete net_prio:${name}; exit $status`);
    if (status === 77) context.skip('needs Linux 6.14: a receiver is told the priority');
    expect({ stdout, stderr }).toEqual({ stdout: '0\n5\n', stderr: '' });
  });

  test('perf_event: only the time of the group is counted', (context) => {
    needs(context, needsRoot, needsProgram('perf'));
    using mounted = ownMount(context, 'perf_event');
    using group = new OwnGroup();
    const { name } = group;
    const loop = `sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'`;
    const count = `perf stat -x, -a -e task-clock -G ${name}`;
    const { stdout, stderr, status } = mounted.shell(`ts-cgcreate -g perf_event:${name}
      ${count} -o ${mounted.folder}/outside ${loop} && ${count} -o ${mounted.folder}/inside ts-cgexec -g perf_event:${name} ${loop}
      status=$?; cat ${mounted.folder}/outside ${mounted.folder}/inside | grep task-clock
      ts-cgdelete perf_event:${name}; exit $status`);
    if (status !== 0) context.skip(`perf cannot count here: ${stderr}`);
    const [outside, inside] = stdout.split('\n').map((line) => line.split(',')[0]);
    expect(outside).toMatch(/^(<not counted>|0\.00)$/);
    expect(Number(inside), stdout).toBeGreaterThan(10);
  });
});

test('a thousand groups: made, listed, looked at and removed, each in work that grows with their number', (context) => {
  needs(context, needsRoot, needsController('cpu'));
  using group = new OwnGroup();
  const { name } = group;
  const specs = (count: number) => Array.from({ length: count }, (_, index) => `-gcpu:${name}/${count}/${index}`);
  using folder = temporaryFolder();
  const syscalls = (line: string[]) => {
    const file = join(folder.path, 'calls');
    run(['strace', '-f', '-o', file, ...line]);
    return readFileSync(file, 'utf8').split('\n').length;
  };
  needs(context, needsProgram('strace'));
  for (const count of [100, 1000])
    expect(run(['ts-cgcreate', ...specs(count)])).toMatchObject({ status: 0, stderr: '' });
  for (const line of [['ts-lscgroup'], ['ts-cgtop', '--once', '-a', '-d', '0.01']]) {
    const [none, small, large] = [`/${name}/100/0`, `/${name}/100`, `/${name}/1000`].map((path) =>
      syscalls([...line, line[0] === 'ts-lscgroup' ? `cpu:${path}` : path]),
    ) as [number, number, number];
    expect((large - none) / (small - none), line[0]).toBeLessThan(15);
  }
  expect(run(['ts-lscgroup', `cpu:${name}/1000`]).stdout.split('\n')).toHaveLength(1002);
  expect(run(['ts-cgdelete', '-r', `cpu:${name}`])).toMatchObject({ status: 0, stderr: '' });
  expect(group.places()).toEqual([]);
});

test('descriptors of the caller stay open', (context) => {
  needs(context, needsRoot, needsController('cpu'));
  using group = new OwnGroup();
  const seen = (tool: string) =>
    shell(`exec 7</dev/zero; exec ${tool} sh -c 'ls /proc/self/fd | sort; readlink /proc/self/fd/7'`).stdout;
  const inside = seen(`ts-cgexec --create --remove -g cpu:${group.name}`);
  expect(inside).toContain('/dev/zero\n');
  expect(inside).toBe(seen(''));
});
