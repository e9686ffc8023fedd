/** What is put into a root file system; writing it is tested in packages/rootfs and end to end. */
import { parse, type World } from '@ts/cli';
import { describe, expect, test } from 'vitest';
import { tool } from './rootfs.ts';

const world = {
  prog: 'ts-rootfs',
  pid: 12,
  variable: (name: string) => (name === 'PATH' ? '/usr/bin:/bin' : undefined),
  read: (path: string) => (path === '/etc/resolv.conf' ? 'nameserver 192.0.2.1\n' : undefined),
  exists: () => false,
} as unknown as World;

const planned = (...words: string[]) => tool.plan(parse(tool.options, words, tool.grammar), world);

describe('a root with one program', () => {
  const plan = planned('root', 'true');
  const at = (path: string) => plan.entries.find((entry) => entry.path === path);

  test('has the program and what it needs', () => {
    expect(plan.directory).toBe('root');
    expect(plan.entries.filter(({ kind }) => kind === 'copy').length).toBeGreaterThan(0);
    expect(plan.entries.some(({ path }) => path.endsWith('/true'))).toBe(true);
  });

  test('has the folders that are mounted on, with their modes', () => {
    expect(at('/tmp')).toMatchObject({ kind: 'folder', mode: 0o1777 });
    expect(at('/root')).toMatchObject({ kind: 'folder', mode: 0o700 });
    expect(at('/proc')).toMatchObject({ kind: 'folder', mode: 0o555 });
  });

  test('has accounts that say nothing of the host, and its name servers', () => {
    expect(at('/etc/passwd')).toMatchObject({
      kind: 'text',
      text: expect.stringMatching(/^root:x:0:0:[^\n]*\nnobody:/),
    });
    expect(at('/etc/resolv.conf')).toMatchObject({ text: 'nameserver 192.0.2.1\n' });
  });

  test('is told in lines before it is made, one an entry', () => {
    const lines = tool.describe?.(plan, world)?.trimEnd().split('\n');
    expect(lines).toHaveLength(plan.entries.length);
  });
});

test.each([
  [[], 'no directory specified'],
  [['root', 'no-such-program'], 'no-such-program: program not found'],
  [['root', './no-such-program'], './no-such-program: program not found'],
] as const)('%j is refused', (words, message) => expect(() => planned(...words)).toThrow(message));
