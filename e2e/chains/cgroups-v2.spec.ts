import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { membership, needsV2, OwnGroup, v2Tree } from '../harness/cgroups.ts';
import { NOBODY, run, shell } from '../harness/run.ts';
import { needs, needsRoot } from '../harness/skip.ts';

// hugetlb is the one controller that is left to the v2 tree even where all others are v1's.
const checks = [needsRoot, needsV2('hugetlb')];

const placeOf = (pid: number | undefined) => membership(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))[''];

async function withSleeper(use: (pid: number) => void): Promise<void> {
  const child = spawn('/bin/sleep', ['300'], { stdio: 'ignore' });
  try {
    use(child.pid as number);
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

describe('the v2 tree', () => {
  test('create, enter, classify, list, delete', async (context) => {
    needs(context, ...checks);
    using tree = v2Tree();
    using group = new OwnGroup();
    const { name } = group;
    const directory = join(tree.mount, name);
    expect(run(['ts-cgcreate', '-t', 'nobody:nogroup', '-g', `hugetlb:${name}/a`])).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(readFileSync(join(directory, 'a/cgroup.controllers'), 'utf8')).toMatch(/\bhugetlb\b/);
    expect(statSync(join(directory, 'a/cgroup.procs')).uid).toBe(NOBODY);
    expect(statSync(join(directory, 'a/cgroup.freeze')).uid).toBe(0);
    expect(membership(run(['ts-cgexec', '-g', `hugetlb:${name}/a`, 'cat', '/proc/self/cgroup']).stdout)['']).toBe(
      `/${name}/a`,
    );
    await withSleeper((pid) => {
      expect(run(['ts-cgclassify', '-g', `:${name}/a`, String(pid)])).toMatchObject({ status: 0, stderr: '' });
      expect(placeOf(pid)).toBe(`/${name}/a`);
      const listed = JSON.parse(run(['ts-lscgroup', '--json', `:${name}`]).stdout);
      expect(listed.map(({ path }: { path: string }) => path)).toEqual([`/${name}`, `/${name}/a`]);
      expect(run(['ts-cgdelete', '-r', `hugetlb:${name}`])).toMatchObject({ status: 0, stderr: '' });
      expect(placeOf(pid)).toBe('/');
      expect(group.places()).toEqual([]);
    });
  });

  test('v1 names are translated on the way in and out', (context) => {
    needs(context, ...checks);
    using _ = v2Tree();
    using group = new OwnGroup();
    const { stdout, stderr } = shell(`ts-cgcreate -g hugetlb:${group.name}
      ts-cgset -r hugetlb.2MB.limit_in_bytes=4194304 ${group.name}
      ts-cgget -nv -r hugetlb.2MB.max -r hugetlb.2MB.limit_in_bytes -r hugetlb.2MB.usage_in_bytes -r hugetlb.2MB.failcnt ${group.name}`);
    expect({ stdout, stderr }).toEqual({ stdout: '4194304\n4194304\n0\n0\n', stderr: '' });
  });

  test('a frozen group makes no progress, a thawed one goes on', async (context) => {
    needs(context, ...checks);
    using tree = v2Tree();
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-g', `:${name}`]);
    const busy = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
    const used = () => Number(/usage_usec (\d+)/.exec(readFileSync(join(tree.mount, name, 'cpu.stat'), 'utf8'))?.[1]);
    const spent = async () => {
      const before = used();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return used() - before;
    };
    try {
      run(['ts-cgclassify', '-g', `:${name}`, String(busy.pid)]);
      expect(await spent()).toBeGreaterThan(20_000);
      expect(run(['ts-cgset', '-r', 'cgroup.freeze=1', name])).toMatchObject({ status: 0, stderr: '' });
      await spent();
      expect(await spent()).toBe(0);
      run(['ts-cgset', '-r', 'cgroup.freeze=0', name]);
      expect(await spent()).toBeGreaterThan(20_000);
    } finally {
      const ended = once(busy, 'exit');
      busy.kill('SIGKILL');
      await ended;
    }
  });
});

describe('rules of v2, explained', () => {
  test('a group with processes cannot hand controllers down, and nothing stays changed', async (context) => {
    needs(context, ...checks);
    using tree = v2Tree();
    using group = new OwnGroup();
    const { name } = group;
    const directory = join(tree.mount, name);
    run(['ts-cgcreate', '-g', `:${name}`]);
    await withSleeper((pid) => {
      run(['ts-cgclassify', '-g', `:${name}`, String(pid)]);
      const above = readFileSync(join(tree.mount, 'cgroup.subtree_control'), 'utf8');
      for (const program of [[], ['--', 'true']]) {
        const { stderr, status } = run(['ts-cgcreate', '-g', `hugetlb:${name}/a/b`, ...program]);
        expect(status).toBe(96);
        expect(stderr.split('\n')).toEqual([
          `ts-cgcreate: can't create cgroup ${name}/a/b: cannot write '+hugetlb' to ${directory}/cgroup.subtree_control: Device or resource busy`,
          expect.stringContaining('only a group without any can hand controllers down'),
          '',
        ]);
        expect(readFileSync(join(tree.mount, 'cgroup.subtree_control'), 'utf8')).toBe(above);
        expect(run(['ts-lscgroup', `:${name}`]).stdout.split('\n')).toHaveLength(2);
      }
    });
  });

  test('a group that hands controllers down takes no processes', (context) => {
    needs(context, ...checks);
    using _ = v2Tree();
    using group = new OwnGroup();
    run(['ts-cgcreate', '-g', `hugetlb:${group.name}/a`]);
    const { stderr, status } = run(['ts-cgexec', '-g', `hugetlb:${group.name}`, 'true']);
    expect(status).toBe(96);
    expect(stderr).toContain('Device or resource busy\nts-cgexec: ');
    expect(stderr).toContain('such a group holds no processes: use a group below it');
  });

  test('an ordinary user moves only inside what is its own', (context) => {
    needs(context, ...checks);
    using _ = v2Tree();
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-t', 'nobody:nogroup', '-a', 'nobody:nogroup', '-g', `:${name}`]);
    const refused = run(['ts-cgexec', '-g', `:${name}`, 'true'], { uid: NOBODY });
    expect(refused.status).toBe(96);
    expect(refused.stderr).toContain('a move needs write permission for cgroup.procs of the group above both places');
    const inside = `ts-cgexec -g :${name} setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups sh -c 'ts-cgcreate -g :${name}/mine && ts-cgexec -g :${name}/mine cat /proc/self/cgroup'`;
    expect(membership(shell(inside).stdout)['']).toBe(`/${name}/mine`);
  });
});
