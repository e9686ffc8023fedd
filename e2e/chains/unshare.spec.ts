import { describe, expect, test } from 'vitest';
import { isRoot, NOBODY, shell } from '../harness/run.ts';

describe('N3: a PID namespace of one’s own, as root and as an ordinary user', () => {
  for (const uid of isRoot ? [0, NOBODY] : [process.getuid?.() as number]) {
    test(`as user ${uid}`, () => {
      const { stdout, stderr, status } = shell("unshare --mount-proc -uipr --fork /bin/sh -c 'ps ax -o pid,comm; id -u'", { uid, compat: true });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout).toMatch(/^\s+PID COMMAND\n\s+1 sh\n\s+2 ps\n0\n$/);
    });
  }
});
