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
import { PRELUDE } from '../../packages/sys/src/tape/images.generated.ts';
import { type BunPlatform, bunExecutable } from './bun.ts';

/** CODE_OFFSET and DATA_OFFSET of prelude.c. */
const CODE_OFFSET = 0x100;
const DATA_ADDRESS = 0x10000;
const DATA_SIZE = 4096;
const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const MACHINE: Readonly<Record<Arch, number>> = { x64: 62, arm64: 183 };
const ET_DYN = 3;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const [R_X, RW] = [5, 6];

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
  const segments = [
    [PT_LOAD, R_X, 0, size, size, RUNTIME_OFFSET],
    [PT_LOAD, RW, DATA_ADDRESS, 0, DATA_SIZE, RUNTIME_OFFSET],
    [PT_GNU_STACK, RW, 0, 0, 0, 16],
  ] as const;
  const head = Buffer.alloc(RUNTIME_OFFSET);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(ET_DYN, 16);
  head.writeUInt16LE(MACHINE[arch], 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(CODE_OFFSET), 24);
  head.writeBigUInt64LE(BigInt(HEADER_SIZE), 32);
  [HEADER_SIZE, PROGRAM_HEADER_SIZE, segments.length].forEach((value, index) => {
    head.writeUInt16LE(value, 52 + 2 * index);
  });
  segments.forEach(([type, flags, address, inFile, inMemory, alignment], index) => {
    const at = HEADER_SIZE + PROGRAM_HEADER_SIZE * index;
    head.writeUInt32LE(type, at);
    head.writeUInt32LE(flags, at + 4);
    [0, address, address, inFile, inMemory, alignment].forEach((value, field) => {
      head.writeBigUInt64LE(BigInt(value), at + 8 + 8 * field);
    });
  });
  prelude.copy(head, CODE_OFFSET);
  strings.copy(head, CODE_OFFSET + prelude.length);
  return Buffer.concat([head, runtime, trailer(id, MULTICALL)]);
}
