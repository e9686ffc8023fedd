/** Programs of this host, with everything that they need, as a tree. */
import { posix } from 'node:path';
import {
  canonicalPath,
  decode,
  fstat,
  list,
  mayUse,
  O_NONBLOCK,
  O_RDONLY,
  readInto,
  readText,
  SysError,
  stat,
  unlessRefused,
  withFile,
  X_OK,
} from '@ts/sys';
import { type Elf, parseElf, type ReadAt } from './elf.ts';
import { configuredFolders } from './folders.ts';
import { type Binaries, librariesOf, MissingLibrary } from './libraries.ts';
import { PathError, Tree, type Why } from './tree.ts';

/** Reads pieces of a file; the descriptor lives as long as `use`. What is no file is none, and keeps nobody waiting. */
function readingPieces<T>(path: string, use: (read: ReadAt) => T): T {
  return withFile(path, O_RDONLY | O_NONBLOCK, (fd) => {
    const status = fstat(fd);
    if (status.type !== 'file') throw new PathError(path, 'EACCES');
    return use((offset, size) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(size, status.size - offset)));
      return buffer.subarray(0, readInto(fd, buffer, offset));
    });
  });
}

const isRefusal = (error: unknown) => error instanceof SysError || error instanceof PathError;

/** This machine. ELF files are read once. `programOffset`: where in a file the program begins that it starts. */
export function thisHost(programOffset: (path: string) => number = () => 0): Binaries {
  const known = new Map<string, Elf | undefined>();
  const elf = (path: string) => {
    try {
      // Without opening it: an open device may do more than to be read.
      if (stat(path).type !== 'file') return undefined;
      const start = programOffset(path);
      return readingPieces(path, (read) => parseElf((offset, size) => read(start + offset, size)));
    } catch (error) {
      if (isRefusal(error)) return undefined; // not there, or not for us to read
      throw error;
    }
  };
  return {
    read: (path) => unlessRefused(() => readText(path)),
    glob: (pattern) => {
      const folder = posix.dirname(pattern);
      const shape = new RegExp(
        `^${posix
          .basename(pattern)
          .replace(/[.+^${}()|[\]\\]/g, '\\$&')
          .replaceAll('*', '.*')
          .replaceAll('?', '.')}$`,
      );
      const names = unlessRefused(() => list(folder)) ?? [];
      return names
        .filter((name) => shape.test(name))
        .sort()
        .map((name) => posix.join(folder, name));
    },
    elf: (path) => {
      if (!known.has(path)) known.set(path, elf(path));
      return known.get(path);
    },
    real: canonicalPath,
  };
}

/** Interpreter and its argument on the first line of a script. */
export function parseShebang(start: Buffer): { interpreter: string; argument?: string } | undefined {
  if (start.toString('latin1', 0, 2) !== '#!') return undefined;
  const end = start.indexOf(10);
  const [, interpreter, argument] =
    /^[ \t]*(\S+)(?:[ \t]+(.*?))?[ \t\r]*$/s.exec(decode(start.subarray(2, end < 0 ? start.length : end))) ?? [];
  return interpreter === undefined ? undefined : { interpreter, argument: argument || undefined };
}

/** The kernel looks at no more of a script, and follows interpreters of interpreters no further. */
const SHEBANG_SIZE = 256;
const MOST_INTERPRETERS = 5;

function startOf(path: string): Buffer {
  try {
    return readingPieces(path, (read) => read(0, SHEBANG_SIZE));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new PathError(path, error.code);
  }
}

/** The program that `#!/usr/bin/env NAME` means, NAME=VALUE and options left out. */
const programOfEnv = (argument: string | undefined) =>
  argument?.split(/\s+/).find((word) => !word.startsWith('-') && !word.includes('='));

export interface Search {
  /** Folders in which a name without a slash is looked for. */
  readonly folders: readonly string[];
  readonly directory: string;
  /** Files that are passed over. */
  readonly isSkipped?: (path: string) => boolean;
  /** Offset in a file of the program that it starts: that one's libraries are needed. */
  readonly programOffset?: (path: string) => number;
}

/** Path of a program as execvp(3) finds it; undefined where there is none. */
export function findExecutable(name: string, { folders, directory, isSkipped }: Search): string | undefined {
  const paths = name.includes('/')
    ? [posix.resolve(directory, name)]
    : folders.map((folder) => posix.resolve(directory, folder, name));
  return paths.find((path) => {
    const isProgram = mayUse(path, X_OK) && unlessRefused(() => stat(path))?.type === 'file';
    return isProgram && (name.includes('/') || !isSkipped?.(path));
  });
}

/** Links on the top level that name folders by their old place (usr-merge). */
const MERGED = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** Parts of the C library that it loads by itself when it looks up names. */
const NSS = ['libnss_files.so.2', 'libnss_dns.so.2'];

export class Programs {
  readonly tree = new Tree();
  readonly #host: Binaries;
  readonly #configured: readonly string[];
  /** Folders that libraries came from. */
  readonly #folders = new Set<string>();

  constructor(
    readonly search: Search,
    host: Binaries = thisHost(search.programOffset),
  ) {
    this.#host = host;
    this.#configured = configuredFolders(host);
  }

  /** Adds a program and all that it needs, or nothing: throws PathError or MissingLibrary. */
  add(path: string, why: Why = 'program', by?: string, depth = 0): void {
    if (depth > MOST_INTERPRETERS) throw new PathError(path, 'ELOOP');
    const elf = this.#host.elf(path);
    const libraries = librariesOf(path, this.#host, this.#configured);
    if (!elf) this.#addInterpreter(path, depth);
    this.tree.bring(path, why, by);
    for (const needed of libraries) {
      this.tree.bring(needed.path, needed.why, needed.by);
      if (needed.why === 'library') this.#folders.add(posix.dirname(needed.path));
    }
  }

  #addInterpreter(script: string, depth: number): void {
    const shebang = parseShebang(startOf(script));
    if (!shebang) return;
    this.add(shebang.interpreter, 'interpreter', script, depth + 1);
    const name = posix.basename(shebang.interpreter) === 'env' ? programOfEnv(shebang.argument) : undefined;
    if (name === undefined) return;
    const path = findExecutable(name, this.search);
    if (path === undefined) throw new PathError(name, 'ENOENT');
    this.add(path, 'interpreter', script, depth + 1);
  }

  /** Links of the top level, libraries for looking up names, the loader's cache where it is needed. */
  finish(): void {
    for (const path of MERGED) {
      try {
        this.tree.bring(path, 'link');
      } catch (error) {
        if (!(error instanceof PathError)) throw error; // a host without that one
      }
    }
    for (const name of NSS) {
      const folder = [...this.#folders].find((each) => this.#host.elf(posix.join(each, name)));
      if (folder !== undefined) this.#addLibrary(posix.join(folder, name));
    }
    const isConfigured = [...this.#folders].some(
      (folder) => this.#configured.includes(folder) && !/^(\/usr)?\/lib(\d+|\/[^/]+)?$/.test(folder),
    );
    if (isConfigured && this.#host.read('/etc/ld.so.cache') !== undefined)
      this.tree.bring('/etc/ld.so.cache', 'configuration');
  }

  #addLibrary(path: string): void {
    try {
      const needed = librariesOf(path, this.#host, this.#configured);
      this.tree.bring(path, 'nss');
      for (const library of needed) this.tree.bring(library.path, library.why, library.by);
    } catch (error) {
      if (!(error instanceof MissingLibrary)) throw error; // looking up by files works without it
    }
  }
}
