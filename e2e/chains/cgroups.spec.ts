import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { membership, mountOf, OwnGroup } from '../harness/cgroups.ts';
import { NOBODY, originalPath, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsController, needsRoot } from '../harness/skip.ts';
import { untilScopeEnds } from '../harness/target.ts';

/** Word for word through the compat folder, and in our own names. */
const FORMS = [
  { form: 'original names', compat: true, prefix: '' },
  { form: 'our names', compat: false, prefix: 'ts-' },
] as const;

const cgroupOf = (pid: number | 'self') => membership(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));

/** A process that sleeps until the test's scope ends. */
const sleeper = (uid?: number) => untilScopeEnds(['/bin/sleep', '300'], { uid });

for (const { form, compat, prefix } of FORMS) {
  const say = (script: string, options: { uid?: number; timeout?: number } = {}) => {
    const words = script.replaceAll(
      /(?<![\w/.-])(cg(?:create|set|get|exec|classify|delete)|lscgroup)(?= )/g,
      `${prefix}$1`,
    );
    return shell(words, { compat, ...options });
  };
  const silent = { stdout: '', stderr: '', status: 0, signal: null };

  describe(`C1: a group for an ordinary user, ${form}`, () => {
    test('values are set, owners are as asked, the user sets values and adds processes', async (context) => {
      needs(context, needsRoot, needsController('cpu', 'memory'));
      using group = new OwnGroup();
      const ID = group.name;
      const script = `ID=${ID}
        cgcreate -t nobody:nogroup -a nobody:nogroup -g cpu,memory:$ID &&
        cgset -r memory.limit_in_bytes=10000000 $ID &&
        cgset -r cpu.cfs_period_us=1000000 $ID &&
        cgset -r cpu.cfs_quota_us=300000 $ID`;
      expect(say(script)).toEqual(silent);
      expect(group.read('memory', 'memory.limit_in_bytes')).toBe('9998336');
      expect(group.read('cpu', 'cpu.cfs_period_us')).toBe('1000000');
      expect(group.read('cpu', 'cpu.cfs_quota_us')).toBe('300000');
      for (const file of ['', 'tasks', 'cgroup.procs', 'cpu.shares'])
        expect(statSync(`${group.directory('cpu')}/${file}`).uid, file).toBe(NOBODY);

      expect(say(`cgset -r cpu.shares=77 ${ID}`, { uid: NOBODY })).toEqual(silent);
      expect(group.read('cpu', 'cpu.shares')).toBe('77');
      const inside = say(`cgexec -g cpu,memory:${ID} cat /proc/self/cgroup`, { uid: NOBODY });
      expect(membership(inside.stdout)).toMatchObject({ cpu: `/${ID}`, memory: `/${ID}` });
      await using sleeping = sleeper(NOBODY);
      expect(say(`cgclassify -g cpu,memory:${ID} ${sleeping.pid}`, { uid: NOBODY })).toEqual(silent);
      expect(cgroupOf(sleeping.pid)).toMatchObject({ cpu: `/${ID}`, memory: `/${ID}` });
      expect(say(`cgcreate -g cpu:${ID}/below`, { uid: NOBODY })).toEqual(silent);
      expect(statSync(group.directory('cpu', 'below')).uid).toBe(NOBODY);
    });

    test('-t alone gives the tasks file away: the user adds processes and sets nothing', async (context) => {
      needs(context, needsRoot, needsController('cpu'));
      using group = new OwnGroup();
      expect(say(`cgcreate -t nobody:nogroup -g cpu:${group.name}`)).toEqual(silent);
      const entered = say(`cgexec -g cpu:${group.name} cat /proc/self/cgroup`, { uid: NOBODY });
      expect(membership(entered.stdout)).toMatchObject({ cpu: `/${group.name}` });
      await using sleeping = sleeper(NOBODY);
      expect(say(`cgclassify -g cpu:${group.name} ${sleeping.pid}`, { uid: NOBODY })).toEqual(silent);
      expect(cgroupOf(sleeping.pid)).toMatchObject({ cpu: `/${group.name}` });
      const refused = say(`cgset -r cpu.shares=77 ${group.name}`, { uid: NOBODY });
      expect(refused.status).toBe(95);
      expect(group.read('cpu', 'cpu.shares')).toBe('1024');
    });
  });

  describe(`C2: a program in groups, ${form}`, () => {
    test('it is in the groups that were named, and in no other than before', (context) => {
      needs(context, needsRoot, needsController('cpu', 'memory'));
      using group = new OwnGroup();
      const ID = group.name;
      const { stdout, stderr, status } = say(
        `cgcreate -g cpu,memory:${ID} && cgexec -g cpu,memory:${ID} cat /proc/self/cgroup`,
      );
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(membership(stdout)).toEqual({ ...cgroupOf('self'), cpu: `/${ID}`, memory: `/${ID}` });
    });

    test('in the background its PID is the one that was started, and in cgroup.procs', (context) => {
      needs(context, needsRoot, needsController('cpu'));
      using group = new OwnGroup();
      const procs = `${group.directory('cpu')}/cgroup.procs`;
      const { stdout, stderr } = say(`cgcreate -g cpu:${group.name}
        cgexec -g cpu:${group.name} sleep 10 &
        echo $!
        for i in $(seq 100); do grep -q . ${procs} && break; sleep 0.05; done
        cat ${procs}; cat /proc/$!/comm; kill $!`);
      expect(stderr).toBe('');
      const [started, inside, name] = stdout.trim().split('\n');
      expect({ inside, name }).toEqual({ inside: started, name: expect.stringMatching(/^(sleep|(ts-)?cgexec)$/) });
    });
  });

  describe(`C3: limits at work, ${form}`, () => {
    const prepare = (ID: string) =>
      say(`cgcreate -g cpu,memory:${ID} &&
        cgset -r memory.limit_in_bytes=10000000 ${ID} &&
        cgset -r cpu.cfs_period_us=1000000 -r cpu.cfs_quota_us=300000 ${ID}`);

    test('yes gets 30 % of a CPU', (context) => {
      needs(context, needsRoot, needsController('cpu', 'memory'));
      using group = new OwnGroup();
      expect(prepare(group.name)).toEqual(silent);
      // What else runs here must not take from the 30 %.
      expect(say(`cgset -r cpu.shares=262144 ${group.name}`)).toEqual(silent);
      const clock = 'read now idle </proc/uptime; echo $now';
      const { stdout } = say(
        `cgexec -g cpu,memory:${group.name} sh -c '${clock}; timeout 15s yes >/dev/null; ${clock}; times'`,
      );
      const [began, ended, , children = ''] = stdout.split('\n');
      const wall = Number(ended) - Number(began);
      const used = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
        (sum, [, m, s]) => sum + 60 * Number(m) + Number(s),
        0,
      );
      expect(used / wall).toBeGreaterThan(0.27);
      expect(used / wall).toBeLessThan(0.33);
      expect(Number(/nr_throttled (\d+)/.exec(group.read('cpu', 'cpu.stat'))?.[1])).toBeGreaterThan(5);
    });

    test('a process over 10 MB is killed, its shell lives on', (context) => {
      needs(context, needsRoot, needsController('cpu', 'memory'));
      for (let more = 2; ; more--) {
        using group = new OwnGroup();
        expect(prepare(group.name)).toEqual(silent);
        // tail holds a line that does not end; without swap to go to, the kernel ends it.
        const { stdout } = say(
          `cgexec -g cpu,memory:${group.name} sh -c 'head -c 60000000 /dev/zero | tail >/dev/null; echo $?'`,
        );
        expect(Number(group.read('memory', 'memory.failcnt'))).toBeGreaterThan(0);
        if (!/^SwapTotal:\s+0 kB/m.test(readFileSync('/proc/meminfo', 'utf8'))) return;
        const control = group.read('memory', 'memory.oom_control');
        // Once in some hundred times it ends another one, too, before that memory is free again, whichever cgexec it is.
        if (more && Number(/^oom_kill (\d+)$/m.exec(control)?.[1]) > 1) continue;
        expect(stdout).toBe('137\n');
        expect(control).toMatch(/^oom_kill 1$/m);
        return;
      }
    });
  });

  describe(`C4: create, classify, set, delete, ${form}`, () => {
    const CONTROLLERS = ['blkio', 'memory', 'cpu', 'pids'] as const;
    const list = CONTROLLERS.join(',');
    const everywhere = (path: string) => Object.fromEntries(CONTROLLERS.map((controller) => [controller, path]));

    test('a process goes into the group and, when it is deleted, up again', async (context) => {
      needs(context, needsRoot, needsController(...CONTROLLERS));
      using group = new OwnGroup();
      await using sleeping = sleeper();
      const { pid } = sleeping;
      const ID = group.name;
      expect(say(`cgcreate -g ${list}:${ID} && cgclassify -g ${list}:${ID} ${pid}`)).toEqual(silent);
      expect(cgroupOf(pid)).toMatchObject(everywhere(`/${ID}`));
      for (const controller of CONTROLLERS) expect(group.read(controller, 'cgroup.procs')).toBe(String(pid));
      expect(
        say(
          `cgset -r pids.max=20 -r cpu.shares=256 -r memory.limit_in_bytes=64M ${ID} && cgget -nv -r pids.max -r cpu.shares -r memory.limit_in_bytes ${ID}`,
        ).stdout,
      ).toBe('20\n256\n67108864\n');
      expect(say(`cgdelete -g ${list}:${ID}`)).toEqual(silent);
      expect(group.places()).toEqual([]);
      expect(cgroupOf(pid)).toMatchObject(everywhere('/'));
    });

    test('all threads of a process are moved', async (context) => {
      needs(context, needsRoot, needsController('cpu'));
      using group = new OwnGroup();
      const threads = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)']);
      try {
        await once(threads.stdout, 'data');
        expect(say(`cgcreate -g cpu:${group.name} && cgclassify -g cpu:${group.name} ${threads.pid}`)).toEqual(silent);
        expect(group.read('cpu', 'tasks').split('\n').length).toBeGreaterThan(3);
      } finally {
        const ended = once(threads, 'exit');
        threads.kill('SIGKILL');
        await ended;
      }
    });

    test('-r deletes a tree in every hierarchy; processes of a leaf go above its top', async (context) => {
      needs(context, needsRoot, needsController('cpu', 'pids'));
      using group = new OwnGroup();
      await using sleeping = sleeper();
      const ID = group.name;
      const made = say(
        `cgcreate -g cpu,pids:${ID}/a/b -g cpu:${ID}/c && cgclassify -g cpu,pids:${ID}/a/b ${sleeping.pid}`,
      );
      expect(made).toEqual(silent);
      const refused = say(`cgdelete -g cpu,pids:${ID}`);
      expect(refused).toMatchObject({ status: 96, stderr: expect.stringContaining('Device or resource busy') });
      expect(group.places()).toHaveLength(2);
      expect(say(`cgdelete -r -g cpu,pids:${ID}`)).toEqual(silent);
      expect(group.places()).toEqual([]);
      expect(cgroupOf(sleeping.pid)).toMatchObject({ cpu: '/', pids: '/' });
    });
  });

  describe(`C5: a container engine's limits, ${form}`, () => {
    test('are set, read back and listed', (context) => {
      needs(context, needsRoot, needsController('cpu', 'cpuacct', 'memory'));
      using group = new OwnGroup();
      const ID = group.name;
      const set = say(`cgcreate -g cpu,cpuacct,memory:${ID}/one &&
        cgset -r cpu.cfs_quota_us=50000 -r cpu.cfs_period_us=100000 -r memory.limit_in_bytes=1073741824 -r memory.soft_limit_in_bytes=524288000 ${ID}/one`);
      expect(set).toEqual(silent);
      const get = say(
        `cgget -r cpu.cfs_quota_us -r cpu.cfs_period_us -r memory.limit_in_bytes -r memory.soft_limit_in_bytes ${ID}/one`,
      );
      expect(get.stdout).toBe(
        `${ID}/one:\ncpu.cfs_quota_us: 50000\ncpu.cfs_period_us: 100000\nmemory.limit_in_bytes: 1073741824\nmemory.soft_limit_in_bytes: 524288000\n\n`,
      );
      const listed = say(`lscgroup cpu,cpuacct:/${ID} memory:/${ID}`);
      const controllers =
        mountOf('cpu') === mountOf('cpuacct') ? ['cpu,cpuacct', 'memory'] : ['cpu', 'cpuacct', 'memory'];
      expect(listed.stdout).toBe(controllers.map((each) => `${each}:/${ID}/\n${each}:/${ID}/one\n`).join(''));
    });
  });
}

describe('cgset --copy-from', () => {
  test('makes the settings of one group those of another, growing and shrinking', (context) => {
    needs(context, needsRoot, needsController('cpu', 'memory'));
    using group = new OwnGroup();
    const { name } = group;
    const script = `ts-cgcreate -g cpu,memory:${name}/a -g cpu,memory:${name}/b
      ts-cgset -r cpu.shares=321 -r cpu.cfs_quota_us=40000 -r memory.limit_in_bytes=50M ${name}/a
      [ ! -e ${group.directory('memory', 'a')}/memory.memsw.limit_in_bytes ] || ts-cgset -r memory.memsw.limit_in_bytes=60M ${name}/a
      ts-cgset --copy-from ${name}/a ${name}/b && ts-cgget -nv -r cpu.shares -r cpu.cfs_quota_us -r memory.limit_in_bytes ${name}/b
      ts-cgcreate -g cpu,memory:${name}/c && ts-cgset --copy-from ${name}/c ${name}/b && ts-cgget -nv -r cpu.shares -r cpu.cfs_quota_us ${name}/b`;
    expect(shell(script)).toEqual({ stdout: '321\n40000\n52428800\n1024\n-1\n', stderr: '', status: 0, signal: null });
  });
});

describe('names of the other version', () => {
  test('v2 names set and show v1 values', (context) => {
    needs(context, needsRoot, needsController('cpu', 'memory', 'freezer'));
    using group = new OwnGroup();
    const { name } = group;
    const script = `ts-cgcreate -g cpu,memory,freezer:${name}
      ts-cgset -r cpu.weight=50 -r 'cpu.max=30000 200000' -r memory.max=20971520 -r cgroup.freeze=1 ${name}
      ts-cgget -nv -r cpu.shares -r cpu.cfs_quota_us -r cpu.cfs_period_us -r memory.limit_in_bytes -r freezer.state ${name}
      ts-cgget -nv -r cpu.weight -r cpu.max -r memory.max -r cgroup.freeze -r memory.low ${name}`;
    const { stdout, stderr } = shell(script);
    expect(stderr).toBe('');
    expect(stdout).toBe('512\n30000\n200000\n20971520\nFROZEN\n50\n30000 200000\n20971520\n1\n0\n');
  });
});

describe('a program after a change', () => {
  for (const TS_TOOLS_NO_FUSE of ['0', '1'])
    test(`create, set and enter in one line, TS_TOOLS_NO_FUSE=${TS_TOOLS_NO_FUSE}`, (context) => {
      needs(context, needsRoot, needsController('cpu', 'pids'));
      using group = new OwnGroup();
      const { name } = group;
      const line = `ts-cgcreate -t nobody -a nobody -g cpu,pids:${name} -- ts-cgset -r cpu.shares=99 -r pids.max=7 ${name} -- ts-cgexec -g cpu,pids:${name} ts-unshare -u sh -c 'cat /proc/self/cgroup; cat ${group.directory('pids')}/pids.max'`;
      const { stdout, stderr, status } = shell(line, { env: { PATH: originalPath, TS_TOOLS_NO_FUSE } });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(membership(stdout)).toMatchObject({ cpu: `/${name}`, pids: `/${name}` });
      expect(stdout.trim().split('\n').at(-1)).toBe('7');
      expect(group.read('cpu', 'cpu.shares')).toBe('99');
    });

  for (const owner of [[], ['-a', 'nobody:nogroup']])
    for (const { program, reason, status } of [
      { program: 'no-such-program', reason: 'No such file or directory', status: 127 },
      { program: '/etc/passwd', reason: 'Permission denied', status: 126 },
    ])
      test(`nothing is created for ${[...owner, '--', program].join(' ')}`, (context) => {
        needs(context, needsRoot, needsController('cpu', 'pids'));
        using group = new OwnGroup();
        const result = run(['ts-cgcreate', ...owner, '-g', `cpu,pids:${group.name}/a/b`, '--', program]);
        expect(result).toMatchObject({ stderr: `ts-cgcreate: failed to execute ${program}: ${reason}\n`, status });
        expect(group.places()).toEqual([]);
      });

  test('what was created is gone when the program cannot be executed after all', (context) => {
    needs(context, needsRoot, needsController('cpu', 'pids'));
    using group = new OwnGroup();
    using folder = temporaryFolder();
    const script = join(folder.path, 'script');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    expect(run(['ts-cgcreate', '-g', `cpu,pids:${group.name}/a/b`, '--', script])).toMatchObject({
      stderr: `ts-cgcreate: failed to execute ${script}: No such file or directory\n`,
      status: 127,
    });
    expect(group.places()).toEqual([]);
  });
});

describe('nothing half done', () => {
  // A read-only mount in a mount namespace of the test's own makes the third step fail.
  const readOnly = (script: string) =>
    shell(`ts-unshare -m sh -c 'mount -o remount,bind,ro ${mountOf('pids')} && ${script}'`);

  for (const { what, program } of [
    { what: 'alone', program: '' },
    { what: 'before a program', program: ' -- true' },
  ])
    test(`cgcreate that fails in its third hierarchy removes what it made, ${what}`, (context) => {
      needs(context, needsRoot, needsController('cpu', 'memory', 'pids'));
      using group = new OwnGroup();
      const { stderr, status } = readOnly(`ts-cgcreate -g cpu,memory,pids:${group.name}/a/b${program}`);
      expect(stderr.split('\n')).toEqual([
        `ts-cgcreate: can't create cgroup ${group.name}/a/b: cannot make ${group.directory('pids')}: Read-only file system`,
        `ts-cgcreate: ${mountOf('pids')} is mounted read-only: mount -o remount,rw ${mountOf('pids')}`,
        '',
      ]);
      expect(status).toBe(87);
      expect(group.places()).toEqual([]);
    });

  test('a group that was there already stays', (context) => {
    needs(context, needsRoot, needsController('cpu', 'memory', 'pids'));
    using group = new OwnGroup();
    expect(run(['ts-cgcreate', '-g', `cpu:${group.name}`]).status).toBe(0);
    expect(readOnly(`ts-cgcreate -g cpu,memory,pids:${group.name}`).status).toBe(87);
    expect(group.places()).toEqual([group.directory('cpu')]);
  });
});

describe('why it failed, and what to do', () => {
  const failing = (line: string, uid?: number) => {
    const { stderr, status } = shell(line, { uid });
    return { status, lines: stderr.trimEnd().split('\n') };
  };

  test('no delegation', (context) => {
    needs(context, needsRoot, needsController('cpu'));
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-g', `cpu:${name}`]);
    const tasks = `${group.directory('cpu')}/tasks`;
    expect(failing(`ts-cgexec -g cpu:${name} true`, NOBODY)).toEqual({
      status: 87,
      lines: [
        `ts-cgexec: cgroup change of group failed: cannot write '0' to ${tasks}: Permission denied`,
        `ts-cgexec: ${tasks} belongs to user 0: be root, or have root give you the group: cgcreate -t USER:GROUP -a USER:GROUP -g cpu:/${name}`,
      ],
    });
    expect(failing(`ts-cgcreate -g cpu:${name}/x`, NOBODY)).toMatchObject({
      status: 87,
      lines: [expect.anything(), expect.stringContaining('have root give you the group')],
    });
    expect(failing(`ts-cgdelete -g cpu:${name}`, NOBODY)).toMatchObject({ status: 96 });
    expect(existsSync(group.directory('cpu'))).toBe(true);
  });

  test('a value that the kernel refuses', (context) => {
    needs(context, needsRoot, needsController('cpu'));
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `cpu:${group.name}`]);
    const refused = (setting: string) => failing(`ts-cgset -r ${setting} ${group.name}`);
    const message = (value: string, file: string) =>
      `ts-cgset: cgroup modify error: cannot write '${value}' to ${group.directory('cpu')}/${file}: Invalid argument`;
    expect(refused('cpu.shares=abc')).toEqual({
      status: 96,
      lines: [message('abc', 'cpu.shares'), 'ts-cgset: cpu.shares takes a number (it is 1024 now)'],
    });
    expect(refused('cpu.cfs_quota_us=5')).toEqual({
      status: 96,
      lines: [message('5', 'cpu.cfs_quota_us'), 'ts-cgset: a quota is at least 1000 µs; -1 takes it away'],
    });
    expect(refused('cpu.stat=5')).toEqual({
      status: 96,
      lines: [message('5', 'cpu.stat'), 'ts-cgset: cpu.stat can only be read'],
    });
    const top = mountOf('cpu');
    expect(failing('ts-cgset -r cpu.cfs_quota_us=100000 /')).toEqual({
      status: 96,
      lines: [
        `ts-cgset: cgroup modify error: cannot write '100000' to ${top}/cpu.cfs_quota_us: Invalid argument`,
        `ts-cgset: ${top} is the top of its hierarchy, which has no limits: name a group below it`,
      ],
    });
  });

  test('a cpuset group without CPUs', (context) => {
    needs(context, needsRoot, needsController('cpuset'));
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `cpuset:${group.name}`]);
    const { status, lines } = failing(`ts-cgexec -g cpuset:${group.name} true`);
    expect(status).toBe(96);
    expect(lines[1]).toBe(
      `ts-cgexec: cpuset.cpus and cpuset.mems of the group are empty: cgset -r cpuset.cpus=0 -r cpuset.mems=0 /${group.name}`,
    );
    const remedy = (lines[1] as string).split(': ').at(-1) as string;
    expect(
      shell(`ts-${remedy} && ts-cgexec -g cpuset:${group.name} grep Cpus_allowed_list /proc/self/status`).stdout,
    ).toBe('Cpus_allowed_list:\t0\n');
  });
});

describe('lists as JSON', () => {
  test('lscgroup and cgget', (context) => {
    needs(context, needsRoot, needsController('cpu', 'pids'));
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `cpu:${group.name}/x`]);
    expect(JSON.parse(run(['ts-lscgroup', '--json', `cpu:${group.name}`]).stdout)).toEqual([
      { controllers: ['cpu'], path: `/${group.name}` },
      { controllers: ['cpu'], path: `/${group.name}/x` },
    ]);
    const values = JSON.parse(run(['ts-cgget', '--json', '-r', 'cpu.shares', '-r', 'cpu.stat', group.name]).stdout);
    expect(values).toEqual([
      { group: group.name, settings: { 'cpu.shares': '1024', 'cpu.stat': expect.stringMatching(/^nr_periods 0\n/) } },
    ]);
  });
});

describe('memory limits that cannot be set', () => {
  const set = (name: string, setting: string) => run(['ts-cgset', '-r', setting, name]);

  test('below what is in use', async (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-g', `memory:${name}`]);
    // tail holds its bytes until somebody reads them.
    const holder = spawn(
      'sh',
      ['-c', `ts-cgexec -g memory:${name} sh -c 'head -c 40000000 /dev/zero | tail -c 30000000 | sleep 60'`],
      { env: { PATH: originalPath }, stdio: 'ignore', detached: true },
    );
    try {
      const used = () => Number(group.read('memory', 'memory.usage_in_bytes'));
      while (used() < 30_000_000) await new Promise((resolve) => setTimeout(resolve, 20));
      const { stderr, status } = set(name, 'memory.limit_in_bytes=1M');
      expect(status).toBe(96);
      expect(stderr).toMatch(/memory\.limit_in_bytes: Device or resource busy\nts-cgset: the group uses \d{8} bytes/);
    } finally {
      const ended = once(holder, 'exit');
      process.kill(-(holder.pid as number), 'SIGKILL');
      await ended;
    }
  });

  test('above the limit for memory and swap', (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-g', `memory:${name}`]);
    if (!existsSync(`${group.directory('memory')}/memory.memsw.limit_in_bytes`)) context.skip('no swap accounting');
    expect(set(name, 'memory.memsw.limit_in_bytes=10M').stderr).toContain(
      'set memory.limit_in_bytes (9223372036854771712) first',
    );
    const both = ['-r', 'memory.limit_in_bytes=10M', '-r', 'memory.memsw.limit_in_bytes=20M'];
    expect(run(['ts-cgset', ...both, name])).toMatchObject({ status: 0, stderr: '' });
    expect(set(name, 'memory.limit_in_bytes=30M').stderr).toContain('set memory.memsw.limit_in_bytes (20971520) first');
  });
});
