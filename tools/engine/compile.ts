/** Compiles the host: the engine, our C around it, and the runner, as one static program. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../workspace.ts';
import { SNAPSHOT_AT } from './pack.ts';
import { RELEASE } from './source.ts';

const run = promisify(execFile);

const ENGINE = ['quickjs', 'cutils', 'dtoa', 'libregexp', 'libunicode'] as const;
const HOST = ['main', 'memory', 'bytes', 'process'] as const;
const HOST_FOLDER = 'packages/engine/host';
const RUNNER_FOLDER = 'packages/sys/runner';

/** The engine's memory may lie between these; the program itself lies above. */
const MEMORY_SIZE = 1 << 30;
const PROGRAM_AT = 0x6000_0000;

const COMMON = `-O2 -fno-pie -fno-ident -DSNAPSHOT_AT=${SNAPSHOT_AT}UL`;
/** Numbers that overflow wrap around there. */
const OF_ENGINE = `${COMMON} -w -fwrapv -D_GNU_SOURCE -DCONFIG_VERSION="${RELEASE.version}"`;
const OF_HOST = `${COMMON} -std=gnu11 -Wall -Wextra -Werror -Wno-cast-function-type -isystem`;
/** It has no C library, and no state beside the tape and the stack. */
const OF_RUNNER = `-Os -std=gnu11 -fno-pie -fno-ident -ffreestanding -fno-builtin -fno-stack-protector -DINSIDE -DENGINE_AT=${SNAPSHOT_AT}UL -DENGINE_SIZE=${MEMORY_SIZE}UL`;
const LINKING = `-static -no-pie -s -Wl,-Ttext-segment=0x${PROGRAM_AT.toString(16)} -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--gc-sections`;

const inside = (folder: string, pattern: RegExp) =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name));

/** @param source Directory with the engine's source. @returns The host's path, kept as long as nothing of it changes. */
export async function compileHost(source: string): Promise<string> {
  const files = [source, HOST_FOLDER, RUNNER_FOLDER].flatMap((folder) => inside(folder, /\.[ch]$/));
  const hash = createHash('sha256').update([OF_ENGINE, OF_HOST, OF_RUNNER, LINKING].join('\n'));
  for (const file of files) hash.update(readFileSync(file));
  const folder = join(cacheFolder, 'engine');
  const host = join(folder, `host-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(host)) return host;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, 'objects-'));
  const compiled = async (flags: string, file: string, name: string) => {
    const object = join(work, `${name}.o`);
    await run('musl-gcc', [...flags.split(' '), '-c', resolve(file), '-o', object], { cwd: source });
    return object;
  };
  try {
    const objects = await Promise.all([
      ...HOST.map((name) => compiled(`${OF_HOST} ${source}`, `${HOST_FOLDER}/${name}.c`, `host-${name}`)),
      compiled(OF_RUNNER, `${RUNNER_FOLDER}/runner.c`, 'runner'),
      ...ENGINE.map((name) => compiled(OF_ENGINE, join(source, `${name}.c`), name)),
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
