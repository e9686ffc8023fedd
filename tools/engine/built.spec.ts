/** The executable that `npm run build:engine` has made, where it has: what is in it, and that it runs. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

const FILE = resolve('dist/engine/ts-tools');

describe.skipIf(!existsSync(FILE))('dist/engine/ts-tools (not built: npm run build:engine)', () => {
  let bytes: Buffer;
  beforeAll(() => {
    bytes = readFileSync(FILE);
  });

  const run = (words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync(FILE, words, { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', ...env } });

  test('nothing of the machine that has built it is in it', () => {
    const words = [process.cwd(), process.env.HOME, '/node_modules/', process.env.PATH, process.env.PWD];
    for (const word of words.filter((each): each is string => each !== undefined && each.length > 6))
      expect([word, bytes.includes(word)]).toEqual([word, false]);
    if (hostname().length > 6) expect(bytes.includes(hostname())).toBe(false);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'two builds, on machines that differ, are the same bytes (root alone)',
    () => {
      const work = mkdtempSync(join(tmpdir(), 'ts-built-'));
      try {
        const [one, other] = [join(work, 'one'), join(work, 'other')];
        const build = (out: string) => `node tools/run.mjs build-engine --out ${out} > /dev/null`;
        writeFileSync(join(work, 'passwd'), 'root:x:0:0:root:/root:/bin/sh\nsomebody:x:4242:4242::/:/bin/sh\n');
        const elsewhere = `hostname elsewhere; mount --bind ${work}/passwd /etc/passwd; mount -t tmpfs none /mnt; A=b ${build(other)}`;
        execFileSync('sh', ['-c', `${build(one)} && exec unshare -mu sh -e -c '${elsewhere}'`]);
        expect(readFileSync(other).equals(readFileSync(one))).toBe(true);
      } finally {
        rmSync(work, { recursive: true });
      }
    },
    120_000,
  );

  test('it is static, small, and has neither interpreter nor library', () => {
    expect(statSync(FILE).size).toBeLessThan(8 * 1024 * 1024);
    const segments = execFileSync('readelf', ['-lW', FILE], { encoding: 'utf8' });
    expect(segments).not.toMatch(/INTERP|DYNAMIC/);
    expect(segments).toMatch(/GNU_STACK.* RW /);
  });

  test('tools by their first word: what they print, what they end with, what they become', () => {
    expect(run(['hostname'])).toMatchObject({ status: 0, stdout: `${hostname()}\n`, stderr: '' });
    expect(run(['setpriv', '--no-new-privs', 'sh', '-c', 'echo "$A"; exit 3'], { A: 'b' })).toMatchObject({
      status: 3,
      stdout: 'b\n',
    });
    expect(run(['unshare', '--nonsense'])).toMatchObject({ status: 1 });
    expect(run(['unshare', '--help']).stdout).toMatch(/^\nUsage:\n unshare /);
    expect(run(['setpriv', '/nonexistent'])).toMatchObject({
      status: 127,
      stderr: 'setpriv: failed to execute /nonexistent: No such file or directory\n',
    });
  });

  test('with little memory, and with closed descriptors', () => {
    const shell = (text: string) => spawnSync('sh', ['-c', text, 'sh', FILE], { encoding: 'utf8' });
    expect(shell('ulimit -v 16000; "$1" hostname')).toMatchObject({ status: 0, stdout: `${hostname()}\n` });
    const closed = 'ls /proc/self/fd <&- 2>&-';
    expect(shell(`"$1" setpriv --no-new-privs ${closed}`).stdout).toBe(shell(closed).stdout);
  });
});
