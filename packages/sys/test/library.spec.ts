/** The examples of ../README.md. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLONE_NEWUSER, CLONE_NEWUTS, encode, live, recording, SysError, tapeImage } from '../src/index.ts';

test('calls made now', () => {
  const sys = live();
  const { effective } = sys.capget();
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  expect(sys.uname().nodename).toBe(hostname());
  expect(effective).toBe(BigInt(`0x${/^CapEff:\s+(\w+)/m.exec(status)?.[1]}`));
});

test('a refusal names the call, the error and its words', () => {
  const refusal = () => live().mkdir('/proc/none');
  expect(refusal).toThrow(SysError);
  expect(refusal).toThrow('mkdirat(AT_FDCWD, "/proc/none", 0777): No such file or directory');
});

test('a tape is an executable file that needs no Node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ts-library-'));
  try {
    const sys = recording();
    sys.unshare(CLONE_NEWUSER | CLONE_NEWUTS);
    sys.or('cannot name the host').sethostname(encode('inside'));
    sys.become(['/usr/bin/uname', '/bin/uname'], ['uname', '-n']);
    const file = join(folder, 'inside');
    const image = tapeImage(sys.finish());
    writeFileSync(file, image, { mode: 0o755 });
    expect(spawnSync(file, { encoding: 'utf8', env: {} })).toMatchObject({ stdout: 'inside\n', stderr: '', status: 0 });
    expect(image.length).toBeLessThan(16_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
