import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run, temporaryFolder, uniqueName } from '../harness/run.ts';

const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');

describe('--dry-run shows the calls and makes none', () => {
  test('mount', () => {
    using folder = temporaryFolder();
    const before = mounts();
    const { stdout, status } = run(['ts-mount', '--dry-run', '-t', 'tmpfs', 'x', folder.path]);
    expect(stdout.split('\n')).toEqual([
      'fsopen("tmpfs", FSOPEN_CLOEXEC)',
      'fsconfig(0, FSCONFIG_SET_STRING, "source", "x", 0)',
      'fsconfig(0, FSCONFIG_CMD_CREATE, NULL, NULL, 0)',
      'fsmount(0, FSMOUNT_CLOEXEC, 0)',
      'close(0)',
      `move_mount(0, "", AT_FDCWD, "${folder.path}", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_AUTOMOUNTS|MOVE_MOUNT_T_SYMLINKS)`,
      'close(0)',
      '',
    ]);
    expect(status).toBe(0);
    expect(mounts()).toBe(before);
  });

  test('hostname', () => {
    const before = hostname();
    expect(run(['ts-hostname', '--dry-run', 'other']).stdout).toBe('sethostname("other", 5)\n');
    expect(hostname()).toBe(before);
  });

  test('capsh, which looks and acts in turn', () => {
    const { stdout, status } = run(['ts-capsh', '--dry-run', '--decode=1', '--drop=cap_chown', '--', '-c', 'true']);
    // Who lacks CAP_SETPCAP in the effective set raises it around the drop.
    const lines = stdout.split('\n').filter((line) => !line.startsWith('capset('));
    expect(lines).toEqual([
      '0x0000000000000001=cap_chown',
      'prctl(PR_CAPBSET_DROP, 0, 0, 0, 0)',
      'execvp("/bin/bash", "-c", "true")',
      '',
    ]);
    expect(status).toBe(0);
  });

  test('rootfs', () => {
    const path = join('/tmp', uniqueName('ts-e2e-dry'));
    expect(run(['ts-rootfs', '--dry-run', path]).stdout).toContain('mkdirat(');
    expect(existsSync(path)).toBe(false);
  });

  test('a chain', () => {
    const { stdout } = run([
      'ts-unshare',
      '--dry-run',
      '-Urm',
      'ts-mount',
      '-t',
      'tmpfs',
      'x',
      '/mnt',
      '--',
      'ts-hostname',
      'other',
      'true',
    ]);
    const calls = stdout.split('\n').map((line) => /^ *\d+: (\w+)\(/.exec(line)?.[1]);
    expect(calls.filter((name) => ['unshare', 'mount', 'sethostname', 'execvp'].includes(name ?? ''))).toEqual([
      'unshare',
      'mount',
      'mount',
      'sethostname',
      'execvp',
    ]);
  });
});
