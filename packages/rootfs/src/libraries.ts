/** The libraries and the loader that programs need, found as the loader will find them. */

import { dirname } from 'node:path';
import { Failure } from '@ts/sys';
import type { Elf } from './elf.ts';
import { configuredFolders, defaultFolders, expand, type Host, muslFolders } from './folders.ts';

export interface Binaries extends Host {
  /** The file as ELF; undefined where it is none or not there. */
  elf(path: string): Elf | undefined;
  /** The path without symbolic links. */
  real(path: string): string;
}

export interface Needed {
  readonly path: string;
  readonly why: 'loader' | 'library';
  /** What asked for it. */
  readonly by: string;
}

export class MissingLibrary extends Failure {
  constructor(
    readonly library: string,
    readonly by: string,
  ) {
    super(`${library}, which ${by} needs, is not found`);
  }
}

/** DT_RPATH folders of those that have asked for an object, nearest first. */
type Inherited = readonly string[];

/** Everything that a program needs, each once, in the order in which the loader comes to it. */
export function librariesOf(
  program: string,
  host: Binaries,
  configured: readonly string[] = configuredFolders(host),
): Needed[] {
  const elf = host.elf(program);
  if (!elf) return [];
  const { machine, bits, interpreter } = elf;
  const isMusl = interpreter?.includes('/ld-musl-') ?? false;
  const system = isMusl ? muslFolders(host, machine, bits) : [...configured, ...defaultFolders(machine, bits)];
  const found = new Map<string, Needed>();
  if (interpreter !== undefined) {
    if (!host.elf(interpreter)) throw new MissingLibrary(interpreter, program);
    found.set(interpreter.slice(interpreter.lastIndexOf('/') + 1), { path: interpreter, why: 'loader', by: program });
  }

  const isUsable = (path: string) => {
    const candidate = host.elf(path);
    return candidate !== undefined && candidate.machine === machine && candidate.bits === bits;
  };
  const find = (name: string, asking: Elf, origin: string, inherited: Inherited): string | undefined => {
    const own = asking.runpath.map((folder) => expand(folder, origin, machine, bits));
    // DT_RUNPATH takes the place of every DT_RPATH.
    const before = asking.runpath.length ? own : inherited;
    return [...before, ...system].map((folder) => `${folder.replace(/\/$/, '')}/${name}`).find(isUsable);
  };

  const queue: { path: string; elf: Elf; inherited: Inherited }[] = [{ path: program, elf, inherited: [] }];
  for (const { path, elf: asking, inherited } of queue) {
    const origin = dirname(host.real(path));
    const rpath = asking.runpath.length ? [] : asking.rpath.map((folder) => expand(folder, origin, machine, bits));
    const handedDown = [...new Set([...rpath, ...inherited])];
    for (const name of asking.needed) {
      if (found.has(name)) continue;
      const library = name.includes('/') ? expand(name, origin, machine, bits) : find(name, asking, origin, handedDown);
      // musl's loader is its C library, and answers to that name.
      if (library === undefined && isMusl && name.startsWith('libc.')) continue;
      const parsed = library === undefined ? undefined : host.elf(library);
      if (library === undefined || !parsed) throw new MissingLibrary(name, path);
      found.set(name, { path: library, why: 'library', by: path });
      queue.push({ path: library, elf: parsed, inherited: handedDown });
    }
  }
  return [...found.values()];
}
