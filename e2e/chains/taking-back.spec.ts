/** What a chain has made is taken back where it was made, whatever has changed since; and nothing else is. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';
import { sleepingTarget } from '../harness/target.ts';

const mountsOf = (pid: number | 'self', path: string) =>
  readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${path} `))
    .map((line) => line.split(' - ')[1]?.split(' ')[1]);

describe('a mount of a chain whose later step fails', () => {
  /** Runs the chain in a mount namespace of its own; prints its status and how many mounts of ours are left there. */
  const left = (chain: string, cwd: string, env: Record<string, string> = {}) =>
    shell(`exec unshare -m sh -c '${chain}; echo $? $(grep -c " ours " /proc/self/mountinfo)'`, { cwd, env });

  const CHAINS = [
    ['behind another mount namespace', 'ts-unshare -m --root /nonexistent true', '1 0'],
    ['behind two', 'ts-unshare -m ts-unshare -m --root /nonexistent true', '1 0'],
    ['behind another root', 'ts-chroot . /nosuch', '127 0'],
    ['behind both', 'ts-unshare -m --root . /nosuch', '127 0'],
    ['behind a user namespace without a way back: it stays', 'ts-unshare -Urm --root /nonexistent true', '1 1'],
    ['in a child: its parent has made it, so it stays', 'ts-unshare -pf --root /nonexistent true', '1 1'],
    ['in the child of a child', 'ts-unshare -f ts-unshare -mpf --root /nonexistent true', '1 1'],
  ] as const;
  for (const [what, chain, expected] of CHAINS)
    test(what, (context) => {
      needs(context, needsRoot, needsProgram('unshare'));
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, 'to'));
      const { stdout, stderr } = left(`ts-mount -t tmpfs ours to ${chain}`, folder.path);
      expect({ stdout, stderr }).toEqual({ stdout: `${expected}\n`, stderr: expect.stringMatching(/^ts-\S+: .*\n$/) });
    });

  test('behind the mounts of another process: ours is taken back, theirs at the same path stays', (context) => {
    needs(context, needsRoot, needsProgram('unshare'));
    using folder = temporaryFolder();
    const to = join(folder.path, 'to');
    mkdirSync(to);
    using target = sleepingTarget(['-m'], 0);
    expect(shell(`nsenter -t ${target.pid} -m mount -t tmpfs theirs ${to}`)).toMatchObject({ status: 0 });
    for (const [enter, expected] of [
      ['-m /nosuch', '127 0'],
      ['-m -W /nonexistent true', '1 0'],
      // It forks: what the parent has made stays.
      ['-a /nosuch', '127 1'],
    ] as const) {
      const { stdout } = left(`ts-mount -t tmpfs ours to ts-nsenter -t ${target.pid} ${enter}`, folder.path);
      expect(stdout).toBe(`${expected}\n`);
      expect(mountsOf(target.pid, to)).toEqual(['theirs']);
    }
    expect(mountsOf('self', to)).toEqual([]);
  });
});
