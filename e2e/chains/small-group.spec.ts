import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { testNodes, versionOf } from '../../tools/soak/nodes.ts';
import { OwnGroup } from '../harness/cgroups.ts';
import { originalPath, run } from '../harness/run.ts';
import { needs, needsController, needsNode, needsRoot } from '../harness/skip.ts';

/** A group of 10 MB, and one below it without a limit of its own. */
function smallGroup() {
  const group = new OwnGroup();
  onTestFinished(() => group[Symbol.dispose]());
  const limited = group.directory('memory');
  const inner = join(limited, 'inner');
  mkdirSync(inner, { recursive: true });
  writeFileSync(join(limited, 'memory.limit_in_bytes'), '10000000');
  const peak = () => Number(readFileSync(join(limited, 'memory.max_usage_in_bytes'), 'utf8'));
  return { path: `/${group.name}/inner`, inner, peak };
}

const within = (group: string, script: string, env: Record<string, string> = {}) =>
  run(['sh', '-c', `echo $$ > ${group}/cgroup.procs; ${script}`], { env: { PATH: originalPath, ...env } });

describe('a tool started in a group that is too small for Node', () => {
  for (const node of testNodes())
    test(`${versionOf(node)}: it works, in that group, and the runtime is not counted`, (context) => {
      needs(context, needsRoot, needsController('memory'));
      const group = smallGroup();
      const { stdout, stderr, status } = within(group.inner, 'exec ts-unshare -u cat /proc/self/cgroup', {
        TS_TOOLS_NODE: node,
      });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout).toMatch(new RegExp(`^\\d+:memory:${group.path}$`, 'm'));
      expect(group.peak()).toBeLessThan(4_000_000);
    });

  test('one after the other, each is back', (context) => {
    needs(context, needsRoot, needsController('memory'));
    const group = smallGroup();
    const { stdout } = within(
      group.inner,
      'exec ts-unshare -u ts-unshare -i ts-capsh --noamb --shell=/bin/cat -- /proc/self/cgroup',
      {
        TS_TOOLS_NO_FUSE: '1',
      },
    );
    expect(stdout).toContain(`memory:${group.path}\n`);
  });

  test('what is planned by the group sees it as it is', (context) => {
    needs(context, needsRoot, needsController('memory'));
    const group = smallGroup();
    const { stderr, stdout } = within(group.inner, `exec ts-unshare --trace -u true`);
    expect(stdout).toBe('');
    expect(stderr.split('\n')[0]).toContain(`"${group.inner}/cgroup.procs", O_WRONLY`);
  });
});

describe('a tool started where few more processes may be', () => {
  const withLimit = (most: number, script: string) => {
    using group = new OwnGroup();
    const directory = group.directory('pids');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'pids.max'), String(most));
    return run(['sh', '-c', `echo $$ > ${directory}/cgroup.procs; ${script}`], {
      env: { PATH: originalPath },
      timeout: 20_000,
    });
  };
  const refusal = (tool: string, threads: number) =>
    `${tool}: the limit of processes (ulimit -u, or pids.max of the control group) is too low for Node, which starts ${threads} threads\n`;

  for (const node of testNodes())
    test(`${versionOf(node)}: it starts, or says that it cannot; it never waits for ever`, (context) => {
      needs(context, needsRoot, needsController('pids'), needsNode('it starts fewer threads'));
      const results = [1, 2, 3, 4, 5, 6].map((most) =>
        withLimit(most, `TS_TOOLS_NODE=${node} exec ts-unshare -u true`),
      );
      for (const { status, stderr, signal } of results)
        expect(status === 0 ? { status, stderr, signal } : stderr).toEqual(
          status === 0 ? { status: 0, stderr: '', signal: null } : refusal('ts-unshare', 3),
        );
      expect(results.map(({ status }) => status)).toEqual([127, 127, 127, 0, 0, 0]);
    });

  test('one that streams needs more', (context) => {
    needs(context, needsRoot, needsController('pids'), needsNode('it starts fewer threads'));
    expect(withLimit(7, 'exec ts-image inspect /nonexistent')).toMatchObject({
      status: 127,
      stderr: refusal('ts-image', 7),
    });
    expect(withLimit(8, 'exec ts-image inspect /nonexistent')).toMatchObject({ status: 1 });
  });
});
