/** The head of a single file: what it notes, and which Node it becomes. The Node here is a script that prints what it was given. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Arch, arch as host } from '../../packages/sys/src/arch.ts';
import { parseState } from '../../packages/sys/src/tape/inherited.ts';
import { cannotPlay, commandFor } from '../../packages/sys/test/play.ts';
import { nodeFlags, singleFile } from './file.ts';
import { hostPlatform, koffiLibrary } from './platform.ts';

const FLAGS = nodeFlags(true);
const folder = mkdtempSync(join(tmpdir(), 'ts-launcher-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that says to be this version of Node, and prints what it is given. */
function makeNode(path: string, version: string): string {
  writeFileSync(
    path,
    `#!/bin/sh
[ "$1" = --version ] && echo ${version} && exit
for word; do printf "%s\\0" "$word"; done
printf "\\n"
/bin/cat /proc/$$/environ
printf "\\n"
for word; do case $word in /proc/self/fd/*) /bin/cat "$word" ;; esac; done
`,
    { mode: 0o755 },
  );
  return path;
}

const fakeNode = join(folder, 'node');
const MACHINE: Readonly<Record<Arch, number>> = { x64: 62, arm64: 183 };

/** The library's own segments are mapped and never touched before Node loads it, so that of the host stands for any. */
function makeFile(arch: Arch, noted = ''): string {
  const library = readFileSync(koffiLibrary(hostPlatform()));
  library.writeUInt16LE(MACHINE[arch], 18);
  const file = join(folder, `ts-fake-${arch}${noted ? '-noted' : ''}`);
  const nothing = Buffer.alloc(0);
  const payload = {
    script: Buffer.from('script'),
    cache: nothing,
    wholeScript: nothing,
    behind: nothing,
    index: nothing,
    key: '',
  };
  const parts = {
    name: 'ts-fake',
    id: 'f'.repeat(32),
    node: noted,
    nodeSize: noted ? statSync(noted).size : 0,
    takesArchives: true,
    ...payload,
  };
  writeFileSync(
    file,
    singleFile({ ...parts, arch, library }, ({ name }) => `loader of ${name}`),
    { mode: 0o755 },
  );
  return file;
}

beforeAll(() => {
  makeNode(fakeNode, 'v20.19.0');
});

for (const arch of ['x64', 'arm64'] satisfies Arch[])
  describe(`the launcher for ${arch}`, () => {
    let file = '';
    beforeAll(() => {
      file = makeFile(arch);
    });
    beforeEach((context) => {
      const reason = cannotPlay(arch);
      if (reason) context.skip(reason);
    });

    const launch = (words: readonly string[], env: NodeJS.ProcessEnv, prefix = '') => {
      const command = [...commandFor(file, arch), ...words];
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', `${prefix} exec "$@"`, 'sh', ...command], {
        env,
        encoding: 'latin1',
        timeout: 20_000,
      });
      const [given = '', environment = '', script = ''] = stdout.split('\n');
      return {
        status,
        stderr,
        words: given.split('\0').slice(0, -1),
        environment: environment.split('\0').slice(0, -1),
        script,
      };
    };
    const stateOf = (prefix: string) => parseState(launch([], { TS_TOOLS_NODE: fakeNode }, prefix).words.at(-3) ?? '');

    test('becomes Node, with the loader, the state and its own arguments', () => {
      const { status, stderr, words, script } = launch(['-x', '', 'a b'], { TS_TOOLS_NODE: fakeNode });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(words.slice(0, FLAGS.length)).toEqual(FLAGS);
      expect(words.slice(FLAGS.length, -6)).toEqual([expect.stringMatching(/^\/proc\/self\/fd\/\d+$/)]);
      expect(script).toBe('loader of ts-fake');
      expect(words.slice(-4)).toEqual([file, '-x', '', 'a b']);
      expect(words.at(-5)).toBe('');
      expect(words.at(-6)).toMatch(/^\d+:[\d,-]*:[0-9a-f]{16}:[0-9a-f]{16}:[\d=,]*:$/);
    });

    test('gives the loader as text where no file can be made of it', () => {
      const { status, words } = launch(['-x'], { TS_TOOLS_NODE: fakeNode }, 'ulimit -f 0;');
      expect(status).toBe(0);
      expect(words.slice(FLAGS.length, -4)).toEqual(['-e', 'loader of ts-fake']);
      expect(words.slice(-2)).toEqual([file, '-x']);
    });

    test('finds Node by its variable, by absolute folders of PATH, and not in the current one', () => {
      expect(launch([], { PATH: `/nonexistent:${folder}` }).status).toBe(0);
      expect(launch([], { TS_TOOLS_NODE: '/nonexistent', PATH: `relative::${folder}:/x` }).status).toBe(0);
    });

    test('says so where there is none', () => {
      const nowhere = spawnSync(
        'unshare',
        [
          '-rm',
          'sh',
          '-c',
          'for n in /usr/local/bin/node /usr/bin/node /bin/node; do test -e $n && mount --bind /etc/passwd $n; done; exec "$@"',
          'sh',
          ...commandFor(file, arch),
        ],
        {
          env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/nonexistent' },
          encoding: 'utf8',
        },
      );
      expect(nowhere).toMatchObject({
        status: 127,
        stdout: '',
        stderr: 'ts-fake: cannot find node: set TS_TOOLS_NODE to its path, or add its folder to PATH\n',
      });
    });

    test('passes over a Node that is too old, and says so where there is no other', () => {
      const older = ['v18.20.8', 'v20.18.3', 'nonsense', 'v20', 'v'].map((version, index) => {
        mkdirSync(join(folder, `old${index}`), { recursive: true });
        return dirname(makeNode(join(folder, `old${index}/node`), version));
      });
      const PATH = [...older, folder].join(':');
      expect(launch(['x'], { PATH })).toMatchObject({ status: 0, stderr: '' });
      expect(launch(['x'], { PATH, TS_TOOLS_NODE: join(older[0] as string, 'node') }).words.at(-1)).toBe('x');
      const script =
        'for n in /usr/local/bin/node /usr/bin/node /bin/node; do test -e $n && mount --bind /etc/passwd $n; done; exec "$@"';
      const { status, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', script, 'sh', ...commandFor(file, arch)], {
        env: { PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${older.join(':')}` },
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({
        status: 127,
        stderr: `ts-fake: requires Node 20.19 or newer; found v18.20.8, ${older[0]}/node\n`,
      });
    });

    test('a Node that is not the one noted at build time is asked, the noted one is not', () => {
      const noted = makeNode(join(folder, 'noted'), 'v1.0.0');
      const own = makeFile(arch, noted);
      const run = () =>
        spawnSync(commandFor(own, arch)[0] as string, commandFor(own, arch).slice(1), {
          env: { PATH: folder },
          encoding: 'latin1',
        });
      expect(run().stdout.split('\0')[0]).toBe(FLAGS[0]);
      const asked = join(folder, 'asked');
      writeFileSync(noted, `#!/bin/sh\n[ "$1" = --version ] && echo >${asked} && echo v18.0.0 && exit\necho too old\n`);
      expect(run().stdout.split('\0')[0]).toBe(FLAGS[0]);
      expect(statSync(asked).size).toBe(1);
    });

    test('hides from Node what Node would heed', () => {
      const { environment } = launch([], {
        TS_TOOLS_NODE: fakeNode,
        NODE_OPTIONS: '--bogus',
        NODE: 'x',
        OPENSSL_CONF: '/x',
        OPENSSL_CONFIG: 'y',
      });
      expect(environment).toEqual(
        expect.arrayContaining(['\u000eODE_OPTIONS=--bogus', 'NODE=x', '\u000fPENSSL_CONF=/x', 'OPENSSL_CONFIG=y']),
      );
    });

    test('notes descriptors, and not its own', () => {
      const { descriptors, file: own } = stateOf('exec 5</dev/null 6</dev/null 9</dev/null;');
      const numbers = descriptors.flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      );
      expect(numbers).toEqual(expect.arrayContaining([0, 1, 2, 5, 6, 9]));
      expect(numbers).not.toContain(7);
      expect(numbers).not.toContain(own);
      expect(own).toBeGreaterThan(9);
    });

    test('notes closed standard descriptors', () => {
      expect(stateOf('exec <&-;').descriptors[0]?.[0]).toBe(1);
    });

    test('notes ignored signals', () => {
      expect(stateOf('trap "" PIPE USR1;').ignored & 0x1200n).toBe(0x1200n);
      expect(stateOf('trap "" USR1;').ignored & 0x1200n).toBe(0x200n);
    });

    // The emulator keeps limits to itself.
    if (arch === host) {
      test.each([
        ['ulimit -n 22;', 'the hard limit of open files (ulimit -H -n) is too low for Node, which opens 20'],
        ['ulimit -n 29; exec 3<&0 4<&0 5<&0 6<&0 7<&0 8<&0 9<&0;', 'the hard limit of open files'],
        ['ulimit -s 64;', 'the hard limit of the stack (ulimit -H -s) is too low for Node'],
      ])('says what Node cannot start with: %s', (prefix, words) => {
        const { status, stderr } = launch([], { TS_TOOLS_NODE: fakeNode }, prefix);
        expect({ status, stderr }).toEqual({ status: 127, stderr: expect.stringMatching(/^ts-fake: [^\n]+\n$/) });
        expect(stderr).toContain(words);
      });

      test('tells V8 of a small stack', () => {
        expect(launch([], { TS_TOOLS_NODE: fakeNode }, 'ulimit -s 512;').words[0]).toBe('--stack-size=256');
      });

      test('raises soft limits and notes what they were', () => {
        const limits = new Map(stateOf('ulimit -S -n 77; ulimit -S -s 1000; ulimit -S -f 2;').limits);
        expect([limits.get(7), limits.get(3), limits.get(1)]).toEqual([77n, 1_024_000n, 1024n]);
      });
    }
  });
