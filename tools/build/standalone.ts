/**
 * One executable that is all tools and needs no Node:
 *
 *     ELF header, prelude, its strings │ Bun's own executable with the script in it, at a fixed offset │ trailer
 *
 * The kernel sees a small static position-independent program, the prelude (packages/sys/runner/prelude.c), which maps what lies
 * behind it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MULTICALL, RUNTIME_OFFSET, trailer } from '../../packages/cli/src/build.ts';
import type { Arch } from '../../packages/sys/src/arch.ts';
import { ET_DYN, elfHeaders, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_LOAD } from '../../packages/sys/src/tape/elf.ts';
import { PRELUDE } from '../../packages/sys/src/tape/images.generated.ts';
import { type BunPlatform, bunExecutable } from './bun.ts';

/** CODE_OFFSET and DATA_OFFSET of prelude.c. */
const CODE_OFFSET = 0x100;
const DATA_ADDRESS = 0x10000;
const DATA_SIZE = 4096;

/**
 * All that Bun sees of an environment: nothing is told to anybody; no thread that the final execve would have to end, and
 * nothing is compiled to machine code that does not run for long; and less address space is reserved than for a server, so
 * that it starts under limits on that.
 */
const ENVIRONMENT = [
  'DO_NOT_TRACK=1',
  'BUN_ENABLE_CRASH_REPORTING=0',
  'BUN_JSC_useConcurrentJIT=0',
  'BUN_JSC_thresholdForJITAfterWarmUp=20000',
  'BUN_JSC_structureHeapSizeInKB=65536',
  'BUN_JSC_jitMemoryReservationSize=16777216',
  'BUN_JSC_useRegExpJIT=0',
  'BUN_JSC_useWarmUpMarkedBlocks=0',
  'MIMALLOC_ARENA_RESERVE=65536KiB',
  'MIMALLOC_PURGE_DELAY=-1',
];

/** The script as an executable of Bun. */
export function compileWithBun(script: string, platform: BunPlatform, host: BunPlatform): Buffer {
  const work = mkdtempSync(join(tmpdir(), 'ts-standalone-'));
  try {
    const source = join(work, 'tools.cjs');
    const out = join(work, 'out');
    writeFileSync(source, script);
    const options = [
      'build',
      '--compile',
      '--bytecode',
      '--format=cjs',
      `--target=${platform.target}`,
      // The executable takes nothing from the folder that it is started in.
      '--no-compile-autoload-dotenv',
      '--no-compile-autoload-bunfig',
      `--compile-executable-path=${resolve(bunExecutable(platform))}`,
      `--outfile=${out}`,
      source,
    ];
    execFileSync(resolve(bunExecutable(host)), options, { cwd: work, env: {}, stdio: ['ignore', 'ignore', 'inherit'] });
    return readFileSync(out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export function standaloneFile(arch: Arch, id: string, runtime: Buffer): Buffer {
  const prelude = Buffer.from(PRELUDE[arch], 'base64');
  const strings = Buffer.from([MULTICALL, ...ENVIRONMENT, '', ''].join('\0').slice(0, -1));
  const size = CODE_OFFSET + prelude.length + strings.length;
  if (size > RUNTIME_OFFSET) throw new Error('the prelude has grown beyond its place');
  const head = Buffer.alloc(RUNTIME_OFFSET);
  head.set(
    elfHeaders(arch, ET_DYN, CODE_OFFSET, [
      { type: PT_LOAD, flags: PF_R | PF_X, offset: 0, address: 0, size, alignment: RUNTIME_OFFSET },
      {
        type: PT_LOAD,
        flags: PF_R | PF_W,
        offset: 0,
        address: DATA_ADDRESS,
        size: 0,
        memory: DATA_SIZE,
        alignment: RUNTIME_OFFSET,
      },
      { type: PT_GNU_STACK, flags: PF_R | PF_W, offset: 0, address: 0, size: 0, alignment: 16 },
    ]),
  );
  prelude.copy(head, CODE_OFFSET);
  strings.copy(head, CODE_OFFSET + prelude.length);
  return Buffer.concat([head, runtime, trailer(id, MULTICALL)]);
}
