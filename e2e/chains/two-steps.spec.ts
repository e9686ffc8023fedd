/** Prepared as root of a namespace, run as the ordinary user in a nested one. */
import { describe, expect, test } from 'vitest';
import { isRoot, NOBODY, shell } from '../harness/run.ts';

const uid = isRoot ? NOBODY : (process.getuid?.() as number);
const gid = isRoot ? NOBODY : (process.getgid?.() as number);

/** What the program sees and may: ids, what was prepared, a file of its own, its rights, and three things that need them. */
const LOOK =
  'id -u; id -g; uname -n; touch /mnt/mine; stat -c %u:%g /mnt/mine; grep ^CapEff /proc/self/status; umount /mnt; mount -t tmpfs none /mnt; hostname other; uname -n';

const FORMS = {
  'original names': `unshare -rmu sh -c 'mount -t tmpfs tmpfs /mnt && hostname box && exec unshare --map-user=${uid} --map-group=${gid} sh -c "$LOOK"'`,
  'our names, one chain': `ts-unshare -rmu ts-mount -t tmpfs tmpfs /mnt -- ts-hostname box ts-unshare --map-user=${uid} --map-group=${gid} sh -c "$LOOK"`,
} as const;

describe.each(Object.entries(FORMS))('%s', (form, script) => {
  test.each(['', '1'])('TS_TOOLS_NO_FUSE=%s', (separate) => {
    const { status, stdout, stderr } = shell(script, {
      compat: form === 'original names',
      uid,
      env: { LOOK, TS_TOOLS_NO_FUSE: separate },
    });
    expect({ status, stdout: stdout.split('\n') }).toEqual({
      status: 0,
      stdout: [String(uid), String(gid), 'box', `${uid}:${gid}`, 'CapEff:\t0000000000000000', 'box', ''],
    });
    expect(stderr).toMatch(/umount: .*\n(.*\n)*mount: .*\n(.*\n)*hostname: you must be root to change the host name\n/);
  });

  test('nothing of it is seen outside', () => {
    const before = shell('uname -n; ls /mnt').stdout;
    expect(
      shell(script, { compat: form === 'original names', uid, env: { LOOK: 'ls /mnt; touch /mnt/a; ls /mnt' } }).stdout,
    ).toBe('a\n');
    expect(shell('uname -n; ls /mnt').stdout).toBe(before);
  });
});
