import { describe, expect, test } from 'vitest';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  errnoOf,
  formatCall,
  formatFlags,
  formatResult,
  MS_BIND,
  MS_REC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_TMPFILE,
  O_WRONLY,
  PR_SET_NAME,
  pointerArray,
  quote,
  RLIMIT_NOFILE,
  SIG_BLOCK,
  SIGCHLD,
  SIGTERM,
} from './index.ts';

describe('a call as strace prints it', () => {
  test.each([
    [
      'openat',
      [AT_FDCWD, '/a b', O_WRONLY | O_CREAT | O_CLOEXEC, 0o644],
      'openat(AT_FDCWD, "/a b", O_WRONLY|O_CLOEXEC|O_CREAT, 0644)',
    ],
    ['openat', [3, 'x', O_DIRECTORY, 0], 'openat(3, "x", O_RDONLY|O_DIRECTORY, 0)'],
    ['openat', [AT_FDCWD, '/tmp', O_TMPFILE | O_WRONLY, 0o600], 'openat(AT_FDCWD, "/tmp", O_WRONLY|O_TMPFILE, 0600)'],
    ['unshare', [CLONE_NEWNS | CLONE_NEWUSER], 'unshare(CLONE_NEWNS|CLONE_NEWUSER)'],
    ['unshare', [0], 'unshare(0)'],
    ['mount', ['a', 'b', null, MS_BIND | MS_REC, null], 'mount("a", "b", NULL, MS_BIND|MS_REC, NULL)'],
    ['clone', [SIGCHLD, 0, 0, 0, 0], 'clone(SIGCHLD, 0, 0, 0, 0)'],
    ['kill', [7, SIGTERM], 'kill(7, SIGTERM)'],
    ['prctl', [PR_SET_NAME, 'name', 0, 0, 0], 'prctl(PR_SET_NAME, "name", 0, 0, 0)'],
    ['prlimit64', [0, RLIMIT_NOFILE, Buffer.alloc(16), null], 'prlimit64(0, RLIMIT_NOFILE, {...}, NULL)'],
    ['rt_sigprocmask', [SIG_BLOCK, Buffer.alloc(8), null, 8], 'rt_sigprocmask(SIG_BLOCK, {...}, NULL, 8)'],
    [
      'execveat',
      [9, '', pointerArray(['a', 'b\n']), pointerArray([]), AT_EMPTY_PATH],
      'execveat(9, "", ["a", "b\\n"], [], AT_EMPTY_PATH)',
    ],
    ['write', [1, Buffer.from('0 1000 1\n'), 9], 'write(1, "0 1000 1\\n", 9)'],
    ['read', [1, Buffer.alloc(9), 9], 'read(1, ..., 9)'],
    [
      'newfstatat',
      [AT_FDCWD, 'x', Buffer.alloc(9), AT_SYMLINK_NOFOLLOW],
      'newfstatat(AT_FDCWD, "x", ..., AT_SYMLINK_NOFOLLOW)',
    ],
    ['getpid', [], 'getpid()'],
  ] as const)('%s', (name, operands, text) => {
    expect(formatCall(name, operands)).toBe(text);
  });

  test('results and errors', () => {
    expect(formatResult(3)).toBe('3');
    expect(formatResult(-errnoOf('ENOENT'))).toBe('-1 ENOENT (No such file or directory)');
    expect(formatResult(-4000)).toMatch(/^-1 /);
  });

  test('bits without a name are numbers', () => {
    expect(formatFlags({ A: 1, B: 6 }, 0x87)).toBe('A|B|0x80');
    expect(formatFlags({ A: 1, B: 6 }, 2)).toBe('0x2');
    expect(formatFlags({ TOP: 0x8000_0000 }, 0x8000_0000)).toBe('TOP');
  });

  test('what is no text', () => {
    expect(quote('a"\\\t\u0001\udcff\u007fä')).toBe('"a\\"\\\\\\t\\x01\\xff\\x7fä"');
  });
});
