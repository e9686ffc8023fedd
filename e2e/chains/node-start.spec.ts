/** What Node finds when it starts must not matter to a tool. */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { original, run } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

beforeEach((context) => needs(context, needsRoot, needsProgram('unshare', 'mount', 'chroot')));

/** The host's own tree with one more file at its top; mounts are the test's own. */
function withPackage(text: string, command: string) {
  const folder = mkdtempSync(join(tmpdir(), 'ts-start-'));
  const script = `
    mount -t tmpfs none ${folder} && mkdir ${folder}/upper ${folder}/work ${folder}/root &&
    printf '%s' '${text}' > ${folder}/upper/package.json &&
    mount -t overlay none -o lowerdir=/,upperdir=${folder}/upper,workdir=${folder}/work ${folder}/root &&
    mount --rbind /proc ${folder}/root/proc && mount --rbind /dev ${folder}/root/dev &&
    cd / && exec chroot ${folder}/root ${command}`;
  try {
    return run([original('unshare') as string, '-m', 'sh', '-c', script]);
  } finally {
    rmdirSync(folder);
  }
}

describe('a /package.json', () => {
  for (const text of ['{"type":"module"}', '{"type":"commonjs","main":"none.js"}', '{', ''])
    test(`that says ${text || 'nothing'}`, () => {
      expect(withPackage(text, 'ts-unshare -u ts-hostname -b inner -- sh -c "hostname; cat /package.json"')).toEqual({
        status: 0,
        signal: null,
        stdout: `inner\n${text}`,
        stderr: '',
      });
      expect(withPackage(text, 'ts-unshare --no-such-option')).toMatchObject({ status: 1, stdout: '' });
      expect(withPackage(text, 'ts-unshare --help').stdout).toMatch(/^\nUsage:\n ts-unshare /);
    });
});
