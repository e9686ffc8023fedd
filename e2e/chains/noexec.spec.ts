/** Hosts that forbid executable memory files: vm.memfd_noexec belongs to a PID namespace, so a test sets it in one of its own. */
import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { NOBODY, original, run } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const SYSCTL = '/proc/sys/vm/memfd_noexec';
const needsSysctl = () => (existsSync(SYSCTL) ? undefined : 'this kernel has no vm.memfd_noexec (Linux 6.3)');

beforeEach((context) => needs(context, needsRoot, needsSysctl, needsProgram('unshare', 'mount', 'setpriv')));

/** A script where memory files are restricted; mounts are its own. */
const restricted = (level: number, script: string) =>
  run([original('unshare') as string, '-pf', '--mount-proc', 'sh', '-c', `echo ${level} > ${SYSCTL} && ${script}`]);

const NOEXEC = (folder: string) => `mount -t tmpfs -o noexec,mode=1777 none ${folder} &&`;

for (const level of [1, 2])
  describe(`vm.memfd_noexec=${level}`, () => {
    test('a tool runs, with fork and without', () => {
      expect(restricted(level, 'ts-unshare -u echo one && ts-unshare -f echo two')).toEqual({
        status: 0,
        signal: null,
        stdout: 'one\ntwo\n',
        stderr: '',
      });
    });
    test('whatever the umask', () => {
      expect(restricted(level, 'umask 777 && ts-unshare -u echo one')).toMatchObject({ status: 0, stdout: 'one\n' });
    });
    test('as an ordinary user', () => {
      const user = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;
      expect(restricted(level, `cd / && ${user} ts-unshare -Ur id -u`)).toMatchObject({
        status: 0,
        stdout: '0\n',
        stderr: '',
      });
    });
    test('where /dev/shm forbids programs too', () => {
      expect(restricted(level, `${NOEXEC('/dev/shm')} ts-unshare -u echo one`)).toMatchObject({
        status: 0,
        stdout: 'one\n',
      });
    });
    test('leaves no file behind and no descriptor in the program', () => {
      const count = 'ls -A /dev/shm | wc -l';
      const descriptors = 'sh -c "ls /proc/self/fd | wc -l"';
      const { stdout } = restricted(
        level,
        `mount -t tmpfs none /dev/shm && ${count}; ts-unshare -u ${descriptors}; ${descriptors}; ${count}`,
      );
      const [before, inside, outside, after] = stdout.split('\n');
      expect([after, inside]).toEqual([before, outside]);
    });
  });

test('vm.memfd_noexec=2, and no folder allows programs: one clear line', () => {
  const mounts = ['/dev/shm', '/run', '/var/tmp', '/tmp'].map(NOEXEC).join(' ');
  // The tool is put where none of the mounts covers it.
  const tool = 'mount -t tmpfs none /mnt && cp "$(command -v ts-unshare)" /mnt';
  expect(restricted(2, `${tool} && ${mounts} /mnt/ts-unshare -u echo one`)).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr:
      'ts-unshare: no executable file can be made: vm.memfd_noexec forbids it in memory, and /dev/shm, /run, /tmp, /var/tmp refuse too: Permission denied\n',
  });
});
