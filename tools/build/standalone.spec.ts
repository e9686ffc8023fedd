/** The head of the stand-alone executable: that it starts what lies behind it, and what it hands over. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMPILERS, compilerVersion } from '../../packages/sys/runner/compile.ts';
import { type Arch, arch as host } from '../../packages/sys/src/arch.ts';
import { parseState } from '../../packages/sys/src/tape/inherited.ts';
import { cannotPlay, commandFor } from '../../packages/sys/test/play.ts';
import { standaloneFile } from './standalone.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-standalone-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Where the cross compiler's C library lies, for the emulator. */
const SYSROOT = { QEMU_LD_PREFIX: '/usr/aarch64-linux-gnu' };

for (const arch of ['x64', 'arm64'] satisfies Arch[])
  for (const [kind, options] of [
    ['of a fixed address', ['-no-pie']],
    ['that lies anywhere', ['-fpie', '-pie']],
  ] as const)
    test(`the prelude for ${arch} starts a program ${kind}`, (context) => {
      const reason =
        cannotPlay(arch) ?? (compilerVersion(arch) === undefined ? `no compiler: ${COMPILERS[arch]}` : undefined);
      if (reason) context.skip(reason);
      const program = join(folder, `program-${arch}`);
      const source = join(import.meta.dirname, 'standalone.spec.c');
      expect(spawnSync(COMPILERS[arch], ['-O1', ...options, '-o', program, source], { encoding: 'utf8' }).stderr).toBe(
        '',
      );
      const file = join(folder, `file-${arch}`);
      writeFileSync(file, standaloneFile(arch, 'f'.repeat(32), readFileSync(program)), { mode: 0o755 });

      const command = [...commandFor(file, arch), '-x', '', 'a b'];
      const script = 'trap "" USR1; exec 5</dev/null; exec "$@"';
      const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', script, 'sh', ...command], {
        env: { A: '1', BUN_OPTIONS: '--bogus', ...(arch === host ? {} : SYSROOT) },
        encoding: 'latin1',
      });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      const [head, ...rest] = stdout.split('\n');
      expect(head).toBe('2 ts-tools 0 calls');
      const environment = rest.slice(0, rest.indexOf('state'));
      expect(environment).toContain('DO_NOT_TRACK=1');
      expect(environment.filter((entry) => /^(A|PATH|BUN_OPTIONS)=/.test(entry))).toEqual([]);
      const after = (name: string) => rest[rest.indexOf(name) + 1] ?? '';
      const { descriptors, ignored, file: own } = parseState(after('state'));
      expect(descriptors.some(([first, last]) => first <= 5 && 5 <= last)).toBe(true);
      expect(own).toBeGreaterThan(9);
      expect(ignored & 0x200n).toBe(0x200n);
      expect(after('executed')).toBe(file);
      const strings = after('strings').split('\0');
      expect(strings.slice(0, 4)).toEqual([file, '-x', '', 'a b']);
      expect(strings.slice(4)).toEqual(expect.arrayContaining(['A=1', 'BUN_OPTIONS=--bogus']));
      expect(rest.at(-2)).toBe('4 -1');
    });

describe('the prelude', () => {
  test('says so where there is nothing to start', (context) => {
    const reason = cannotPlay(host);
    if (reason) context.skip(reason);
    const file = join(folder, 'nothing');
    writeFileSync(file, standaloneFile(host, 'f'.repeat(32), Buffer.alloc(4096)), { mode: 0o755 });
    const { stderr, status } = spawnSync(file, { encoding: 'utf8' });
    expect({ stderr, status }).toEqual({ stderr: 'nothing: cannot map the runtime in its own file\n', status: 127 });
  });
});
