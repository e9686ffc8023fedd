/** What Node finds when it starts must not matter to a tool. */
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { original, run } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

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
    test(`that says ${text || 'nothing'}`, (context) => {
      needs(context, needsRoot, needsProgram('unshare', 'mount', 'chroot'));
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

describe('a package.json in the working directory', () => {
  /** Where Node looks for a package, it would find the script that it was given in this one. */
  const IMPOSTOR = '{"name":"/proc","exports":{"./self/fd/*":"./impostor.js"}}';
  for (const text of ['{"type":"module"}', '{', '', IMPOSTOR])
    test(`that says ${text || 'nothing'}`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'ts-start-'));
      try {
        writeFileSync(join(folder, 'package.json'), text);
        writeFileSync(join(folder, 'impostor.js'), 'console.log("impostor"); process.exit(0)');
        const said = (...argv: string[]) => run(argv, { cwd: folder });
        expect(said('ts-unshare', '-ru', 'ts-hostname', '-b', 'inner', '--', 'hostname')).toEqual({
          status: 0,
          signal: null,
          stdout: 'inner\n',
          stderr: '',
        });
        expect(said('ts-unshare', '--no-such-option')).toMatchObject({ status: 1, stdout: '' });
        expect(said('ts-unshare', '--help').stdout).toMatch(/^\nUsage:\n ts-unshare /);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
});
