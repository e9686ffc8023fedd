/** Compiles the host: the engine, our C around it, and the runner, as one static program. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { RUNNER } from '../../packages/sys/src/tape/images.generated.ts';
import { cacheFolder } from '../workspace.ts';
import { freeze } from './freeze.ts';

const run = promisify(execFile);

const ENGINE = ['quickjs', 'cutils', 'dtoa', 'libregexp', 'libunicode'] as const;
const HOST = ['main', 'memory', 'bytes', 'process', 'play'] as const;
const HOST_FOLDER = 'packages/engine/host';

/** Where the engine's memory begins, how much it may be, and where the program lies: below, as kernels before 5.18 want it. In bytes. */
export const SNAPSHOT_AT = 0x1000_0000;
const MEMORY_SIZE = 1 << 30;
const PROGRAM_AT = 0x100_0000;
const RUNNER_CODE = Buffer.from(RUNNER.x64, 'base64');
const CHANGED = ['quickjs.c', 'quickjs.h'] as const;

const COMMON = `-O2 -fno-pie -fno-ident -DSNAPSHOT_AT=${SNAPSHOT_AT}UL`;
/** Numbers that overflow wrap around there. */
const OF_ENGINE = `${COMMON} -w -fwrapv -D_GNU_SOURCE -DCONFIG_VERSION=""`;
const OF_HOST = `${COMMON} -std=gnu11 -Wall -Wextra -Werror -Wno-cast-function-type -DMEMORY_SIZE=${MEMORY_SIZE}UL -isystem`;
const LINKING = `-static -no-pie -s -Wl,-Ttext-segment=0x${PROGRAM_AT.toString(16)} -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--gc-sections`;

const inside = (folder: string, pattern: RegExp) =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name));

const FOLDER = join(cacheFolder, 'engine');

/** Where the host of these sources is when it has been compiled. @param source Directory with the engine's source as its author wrote it. */
export function hostFile(source: string): string {
  const files = [source, HOST_FOLDER].flatMap((folder) => inside(folder, /\.[ch]$/));
  // How it is compiled counts as well as what.
  const own = ['tools/engine/freeze.ts', 'tools/engine/compile.ts'];
  const hash = createHash('sha256').update(RUNNER_CODE).update([OF_ENGINE, OF_HOST, LINKING].join('\n'));
  for (const file of [...files, ...own]) hash.update(readFileSync(file));
  return join(FOLDER, `host-${hash.digest('hex').slice(0, 16)}`);
}

/** @returns The host's path, kept as long as nothing of it changes. */
export async function compileHost(source: string): Promise<string> {
  const host = hostFile(source);
  if (existsSync(host)) return host;
  mkdirSync(FOLDER, { recursive: true });
  const work = mkdtempSync(join(FOLDER, 'objects-'));
  const compiled = async (flags: string, file: string, name: string) => {
    const object = join(work, `${name}.o`);
    // No path of this machine is in what an assertion says.
    await run('musl-gcc', [
      ...flags.split(' '),
      `-fmacro-prefix-map=${dirname(resolve(file))}/=`,
      '-c',
      resolve(file),
      '-o',
      object,
    ]);
    return object;
  };
  try {
    cpSync(source, join(work, 'source'), { recursive: true });
    const changed = join(work, 'source');
    for (const name of CHANGED)
      writeFileSync(join(changed, name), freeze(name, readFileSync(join(source, name), 'utf8')));
    // Included by play.c.
    writeFileSync(join(changed, 'runner'), RUNNER_CODE);
    const objects = await Promise.all([
      ...HOST.map((name) =>
        compiled(`${OF_HOST} ${changed} -Wa,-I${changed}`, `${HOST_FOLDER}/${name}.c`, `host-${name}`),
      ),
      ...ENGINE.map((name) => compiled(OF_ENGINE, join(changed, `${name}.c`), name)),
    ]);
    const linked = join(work, 'host');
    await run('musl-gcc', [...LINKING.split(' '), '-o', linked, ...objects, '-lm']);
    copyFileSync(linked, `${host}.${process.pid}`);
    renameSync(`${host}.${process.pid}`, host);
    return host;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
