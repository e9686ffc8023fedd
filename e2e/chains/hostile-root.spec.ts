/**
 * Behind a change of root or of mounts nothing of ours is executed by a path: there, an image has put a program of its own at every
 * such path. It leaves a mark. Each step that can fail there fails; the message and the status are the original's.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { bin, NOBODY, root as project, run, standalone, temporaryFolder } from '../harness/run.ts';
import { needs, needsRoot } from '../harness/skip.ts';
import { childrenOf, textOf, until } from '../harness/target.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const image = join(folder.path, 'image');
const marked = join(image, 'ran');
/** All tools as one executable. */
const alone = join(project, 'dist/standalone/ts-tools');

const SOURCE = `
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
  if (count > 1 && !strcmp(words[1], "wait")) for (;;) pause();
  if (count > 1 && !strcmp(words[1], "fine")) return 7;
  return open("/ran", O_CREAT | O_WRONLY, 0666) < 0 ? 8 : 9;
}
`;

/** Every path by which something of ours was, or could have been, executed. */
const ours = () => [
  ...readdirSync(bin).flatMap((name) => [join(bin, name), realpathSync(join(bin, name))]),
  alone,
  process.execPath,
  realpathSync(process.execPath),
  ...['/usr/bin', '/usr/local/bin', '/bin', '/proc/self'].map((path) =>
    join(path, path === '/proc/self' ? 'exe' : 'node'),
  ),
];

/** The image's own tree of those paths, with nothing else but \`/program\`: no /proc, no shell. */
function fill(tree: string, program: string): void {
  mkdirSync(join(tree, 'old'), { recursive: true });
  copyFileSync(program, join(tree, 'program'));
  for (const path of new Set(ours())) {
    if (path.startsWith('/proc/')) continue;
    mkdirSync(join(tree, dirname(path)), { recursive: true });
    if (!existsSync(join(tree, path))) linkSync(join(tree, 'program'), join(tree, path));
  }
}

beforeAll(() => {
  if (needsCompiler() || needsRoot()) return;
  writeFileSync(join(folder.path, 'program.c'), SOURCE);
  compileC(join(folder.path, 'program.c'), join(folder.path, 'program'), '-static');
  fill(image, join(folder.path, 'program'));
  chmodSync(image, 0o777);
  symlinkSync(dirname(real(process.execPath)), join(image, 'link'));
});

interface Case {
  /** The command line; IMAGE, BIN, NODE and PID are replaced. */
  readonly words: string;
  /** The same for the original, where it can do that; its message begins with its own name. */
  readonly original?: string;
  readonly status?: number;
  /** What is said behind "NAME: ". */
  readonly says?: string;
  readonly uid?: number;
}

const PROC = 'mount /proc failed: No such file or directory';

/** Changes of the root of one process. */
const ROOTS: readonly Case[] = [
  { words: 'ts-unshare -mpf --root IMAGE --pivot --mount-proc -S 1000 -G 1000 /program fine', says: PROC },
  {
    words: 'ts-unshare -mpf --root IMAGE --mount-proc /program fine',
    original: 'unshare -mpf --root IMAGE --mount-proc /program',
  },
  {
    words: 'ts-unshare -rmpf --root IMAGE --mount-proc /program fine',
    original: 'unshare -rmpf --root IMAGE --mount-proc /program',
    uid: NOBODY,
  },
  { words: 'ts-unshare -rmpf --root IMAGE --pivot --mount-proc /program fine', says: PROC, uid: NOBODY },
  {
    words: 'ts-unshare -rm --root IMAGE --pivot --mount-binfmt /program fine',
    says: 'mount /proc/sys/fs/binfmt_misc failed: No such file or directory',
    uid: NOBODY,
  },
  {
    words: 'ts-unshare -r --root IMAGE --wd /nowhere /program fine',
    original: 'unshare -r --root IMAGE --wd /nowhere /program',
  },
  {
    words: 'ts-unshare -rm --root IMAGE --pivot --wd /nowhere /program fine',
    says: "cannot chdir to '/nowhere': No such file or directory",
  },
  { words: 'ts-unshare -r --root IMAGE -S 5 /program fine', original: 'unshare -r --root IMAGE -S 5 /program' },
  {
    words: 'ts-unshare -r --root IMAGE -G 5 /program fine',
    original: 'unshare -r --root IMAGE -G 5 /program',
    uid: NOBODY,
  },
  { words: 'ts-unshare -rm --root IMAGE --pivot -S 5 /program fine', says: 'setuid() failed: Invalid argument' },
  { words: 'ts-unshare -rpf --root IMAGE /nowhere', original: 'unshare -rpf --root IMAGE /nowhere' },
  { words: 'ts-chroot IMAGE /nowhere', original: 'chroot IMAGE /nowhere' },
  {
    words: 'ts-chroot --userspec=:4000000000 --groups=4294967294 IMAGE /nowhere',
    original: 'chroot --userspec=:4000000000 --groups=4294967294 IMAGE /nowhere',
  },
  {
    words: 'ts-unshare -r ts-chroot --userspec=5 IMAGE /program fine',
    original: 'unshare -r chroot --userspec=5 IMAGE /program',
    uid: NOBODY,
  },
  {
    words: 'ts-unshare -r ts-chroot --groups=7 IMAGE /program fine',
    original: 'unshare -r chroot --groups=7 IMAGE /program',
    uid: NOBODY,
  },
  {
    words: 'ts-unshare -r ts-chroot --userspec=daemon IMAGE /program fine',
    original: 'unshare -r chroot --userspec=daemon IMAGE /program',
    uid: NOBODY,
  },
  { words: 'ts-unshare -r ts-capsh --chroot=IMAGE --uid=5 -- -c true', says: 'failed to set uid=5: Invalid argument' },
  { words: 'ts-unshare -r ts-capsh --chroot=IMAGE --gid=5 -- -c true', says: 'failed to set gid=5: Invalid argument' },
  { words: 'ts-unshare -r ts-capsh --chroot=IMAGE --groups=5 -- -c true', status: 1 },
  { words: 'ts-capsh --chroot=IMAGE --user=root -- -c true', says: 'no such user: root' },
  { words: 'ts-capsh --drop=cap_setpcap --chroot=IMAGE --drop=cap_chown -- -c true', status: 1 },
  {
    words: 'ts-capsh --chroot=IMAGE -- -c true',
    says: 'cannot execute /bin/bash (--shell=PATH names another one): No such file or directory',
  },
  {
    words: 'ts-capsh --chroot=IMAGE --chroot=/nowhere -- -c true',
    says: 'unable to chroot/chdir to [/nowhere]: No such file or directory',
  },
  {
    words: 'ts-unshare -rm ts-pivot --bind IMAGE IMAGE/old -- /nowhere',
    status: 127,
    says: 'failed to execute /nowhere: No such file or directory',
  },
  {
    words: 'ts-unshare -m ts-pivot --bind --umount-old IMAGE IMAGE -- /nowhere',
    status: 127,
    says: 'failed to execute /nowhere: No such file or directory',
  },
];

/** With the root of a process that is there. */
const TARGETS: readonly Case[] = [
  {
    words: 'ts-nsenter -t PID -m -W /nowhere /program fine',
    says: 'cannot open current working directory: No such file or directory',
  },
  {
    words: 'ts-nsenter -t PID -m -W /program /program fine',
    says: 'change directory by working directory file descriptor failed: Not a directory',
  },
  { words: 'ts-nsenter -t PID -m /nowhere', original: 'nsenter -t PID -m /nowhere' },
  { words: 'ts-nsenter -t PID -u -r /nowhere', original: 'nsenter -t PID -u -r /nowhere' },
  { words: 'ts-nsenter -t PID -u -r -w /nowhere', original: 'nsenter -t PID -u -r -w /nowhere' },
  { words: 'ts-nsenter -t PID -a /nowhere', original: 'nsenter -t PID -a /nowhere' },
  {
    words: 'ts-nsenter -t PID -m -S 4294967294 -G 4294967294 /nowhere',
    original: 'nsenter -t PID -m -S 4294967294 -G 4294967294 /nowhere',
  },
  { words: 'ts-mount -N PID -t tmpfs x /nowhere', status: 32 },
  { words: 'ts-mount -N PID -t tmpfs x /nowhere true', status: 32 },
  { words: 'ts-mount -N PID -t tmpfs x /old --also -t nosuchfs x /old true', status: 32 },
  { words: 'ts-mount -N PID -t nosuchfs x /old', status: 32 },
  { words: 'ts-umount -N PID /nowhere', status: 32 },
];

/** With the root of a process in a user namespace: there user 5 is nobody's number. */
const USER_TARGETS: readonly Case[] = [
  { words: 'ts-nsenter -t PID -m -U -p -S 5 /program fine', original: 'nsenter -t PID -m -U -p -S 5 /program' },
  { words: 'ts-nsenter -t PID -m -U -G 5 /program fine', original: 'nsenter -t PID -m -U -G 5 /program' },
  { words: 'ts-nsenter -t PID -U -r -S 5 /program fine', original: 'nsenter -t PID -U -r -S 5 /program' },
  { words: 'ts-nsenter -t PID -a -S 5 /program fine', original: 'nsenter -t PID -a -S 5 /program' },
];

/** Without another root: what is ours, or what it needs, is mounted over. */
const COVERED: readonly Case[] = [
  // The first mount has a link at which the second one lands.
  { words: 'ts-mount --bind IMAGE /mnt --also --bind IMAGENODE /mnt/link --also -t nosuchfs x /srv true', status: 32 },
  { words: 'ts-mount --bind IMAGEBIN BIN --also -t nosuchfs x /mnt true', status: 32 },
  { words: 'ts-mount --bind IMAGENODE NODE --also -t nosuchfs x /mnt true', status: 32 },
  { words: 'ts-mount --bind IMAGENODE NODE --also -t tmpfs x /nonexistent/there true', status: 32 },
  {
    words: 'ts-mount --bind IMAGEBIN BIN -- /nonexistent/program',
    status: 127,
    says: 'failed to execute /nonexistent/program: No such file or directory',
  },
];

const real = (path: string) => realpathSync(path);
const wordsOf = (text: string, pid = 0) =>
  text
    .replaceAll('IMAGEBIN', join(image, real(standalone ?? bin) === standalone ? dirname(standalone) : real(bin)))
    .replaceAll('IMAGENODE', join(image, dirname(real(process.execPath))))
    .replaceAll('IMAGE', image)
    .replaceAll('NODE', dirname(real(process.execPath)))
    .replace(/\bBIN\b/g, standalone ? dirname(standalone) : real(bin))
    .replaceAll('PID', String(pid))
    .split(' ');

/** Where the stand-alone executable is there, too, it is one more build: each tool as its first word. */
const BUILDS: readonly (readonly [string, Record<string, string>, boolean])[] = [
  ['one process', {}, false],
  ['a process each', { TS_TOOLS_NO_FUSE: '1' }, false],
  ...(!standalone && existsSync(alone) ? [['stand-alone', {}, true] as const] : []),
];

function check(
  { words, original: theirs, status, says, uid }: Case,
  env: Record<string, string>,
  isAlone: boolean,
  pid?: number,
) {
  rmSync(marked, { force: true });
  const line = wordsOf(words, pid).flatMap((word) => (isAlone && /^ts-/.test(word) ? [alone, word] : [word]));
  const result = run(
    [
      'unshare',
      '-m',
      ...(uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']),
      ...line,
    ],
    { env, cwd: folder.path },
  );
  expect({ ran: existsSync(marked), words: result.stderr }).toEqual({ ran: false, words: result.stderr });
  const [first = ''] = result.stderr.split('\n');
  expect(first).toMatch(/^ts-[a-z]+: |^\//);
  expect(result).toMatchObject({ signal: null, stdout: '' });
  expect(result.status).not.toBe(0);
  expect(result.stderr).not.toMatch(/internal error|^ {4}at /m);
  if (status !== undefined) expect({ status: result.status, first }).toEqual({ status, first });
  if (says !== undefined) expect(first.replace(/^ts-[a-z]+: /, '')).toBe(says);
  if (theirs === undefined) return;
  const expected = run(wordsOf(theirs, pid), { uid, cwd: folder.path });
  // Without its own name, and the parentheses that the newest writes behind that of a call.
  const plain = (text: string) => text.replace(/^\S+: /, '').replace('() failed', ' failed');
  expect({ status: result.status, says: plain(first) }).toEqual({
    status: expected.status,
    says: plain(expected.stderr.trim()),
  });
}

/** A process whose mount namespace has the image as its root. */
function hostileTarget(options: readonly string[]): { readonly pid: number } & Disposable {
  const enter = `mount --bind ${image} ${image} && cd ${image} && pivot_root . old && exec ./program wait`;
  const unshare = spawn('unshare', [...options, '-mpf', 'sh', '-c', enter], { stdio: 'ignore' });
  const parent = unshare.pid as number;
  const waiting = () => childrenOf(parent).find((pid) => textOf(`/proc/${pid}/comm`) === 'program\n');
  const dispose = () => {
    for (const child of childrenOf(parent)) process.kill(child, 'SIGKILL');
    unshare.kill('SIGKILL');
  };
  try {
    until('the target waits', () => waiting() !== undefined);
  } catch (error) {
    dispose();
    throw error;
  }
  return { pid: waiting() as number, [Symbol.dispose]: dispose };
}

describe.each(BUILDS)('nothing of the image is executed: %s', (_, env, isAlone) => {
  const named = (cases: readonly Case[]) => cases.map((each) => [each.words, each] as const);

  for (const [words, each] of named([...ROOTS, ...COVERED]))
    test(words, (context) => {
      needs(context, needsRoot, needsCompiler);
      check(each, env, isAlone);
    });

  describe.each([
    ['a process with that root', [], TARGETS],
    ['one in a user namespace, too', ['-Ur'], USER_TARGETS],
  ] as const)('%s', (__, options, cases) => {
    let target: ReturnType<typeof hostileTarget> | undefined;
    beforeAll(() => {
      if (!needsRoot() && !needsCompiler()) target = hostileTarget(options);
    });
    afterAll(() => target?.[Symbol.dispose]());

    for (const [words, each] of named(cases))
      test(words, (context) => {
        needs(context, needsRoot, needsCompiler);
        check(each, env, isAlone, target?.pid);
      });
  });
});

test('the image would be executed: its program leaves the mark', (context) => {
  needs(context, needsRoot, needsCompiler);
  rmSync(marked, { force: true });
  expect(run(['chroot', image, join(real(bin), 'ts-mount')]).status).toBe(9);
  expect(existsSync(marked)).toBe(true);
});

test('before such a change, failures are explained', (context) => {
  needs(context, needsRoot);
  expect(run(['unshare', '-m', 'ts-mount', '-t', 'nosuchfs', 'x', '/mnt', 'true']).stderr).toMatch(
    /^ts-mount: .*\nts-mount: .*\n$/,
  );
});
