/** Compiles runner.c, launcher.c and prelude.c to the bytes that are checked in. Needs gcc, and its cross compiler for arm64. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arch } from '../src/arch.ts';

export const COMPILERS: Readonly<Record<Arch, string>> = {
  x64: 'x86_64-linux-gnu-gcc',
  arm64: 'aarch64-linux-gnu-gcc',
};

const COMMON = [
  '-Os -std=gnu11 -ffreestanding -fno-builtin -nostdlib -static -fno-stack-protector -fno-asynchronous-unwind-tables',
  '-fno-unwind-tables -Wall -Wextra -Werror -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-T,image.ld',
].join(' ');
/** tiny: addresses relative to the instruction and not to its page, since such an image may lie anywhere in one. */
const OF_ARCH: Readonly<Record<Arch, string>> = {
  x64: '-fcf-protection=none -mno-red-zone',
  arm64: '-mno-outline-atomics -mcmodel=tiny',
};
/** The runner is linked for its fixed address behind the ELF headers (../src/tape/elf.ts); the others run anywhere. */
const OF_IMAGE = {
  runner: '-fno-pic -Wl,--defsym=image_origin=0x200100',
  launcher: '-fpie -Wl,--defsym=image_origin=0',
  prelude: '-fpie -Wl,--defsym=image_origin=0',
} as const;

export type Image = keyof typeof OF_IMAGE;

/** Version of a compiler, or undefined where it is not installed. */
export function compilerVersion(arch: Arch): string | undefined {
  try {
    return execFileSync(COMPILERS[arch], ['-dumpfullversion'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** The code of an image, entry first. `folder` holds the sources. */
export function compile(folder: string, name: Image, arch: Arch): Buffer {
  const work = mkdtempSync(join(tmpdir(), 'ts-image-'));
  try {
    const linked = join(work, 'linked');
    const code = join(work, 'code');
    const flags = `${COMMON} ${OF_ARCH[arch]} ${OF_IMAGE[name]}`.split(' ');
    execFileSync(COMPILERS[arch], [...flags, '-o', linked, `${name}.c`], { cwd: folder });
    execFileSync(COMPILERS[arch].replace(/gcc$/, 'objcopy'), ['-O', 'binary', linked, code]);
    return readFileSync(code);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
