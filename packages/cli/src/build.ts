/** What the build has put together: the tools, and how a file is known to be one of them. */
import { basename, dirname, resolve } from 'node:path';
import { closeFile, fstat, openFile, readInto, readLink, unlessRefused } from '@ts/sys';
import type { Tool } from './tool.ts';

export interface Build {
  readonly version: string;
  /** Differs between builds; the same in all files of one. */
  readonly id: string;
  readonly tools: Readonly<Record<string, () => Tool>>;
  readonly help?: () => Help;
  /** Where one executable is all tools: the tool that each name means, ours and those of the originals. */
  readonly names?: Readonly<Record<string, string>>;
  /** A tool's script holds that tool alone. Another one, for a chain, is loaded behind it. */
  readonly load?: (name: string) => Tool | undefined;
  /**
   * Where what only a reader needs is asked for (help, traces), the script of all tools starts over from the command line; nothing
   * has been done yet. It ends the process, at once or when data has streamed through.
   */
  readonly whole?: () => void;
}

/** ./help.ts, which loads all of yargs. */
export type Help = typeof import('./help.ts');

/** The last bytes of a tool's file: MAGIC, build id (32 bytes), tool name (32 bytes, NUL-filled). */
export const MAGIC = 'TS-TOOLS';
const ID_SIZE = 32;
const NAME_SIZE = 32;
const TRAILER_SIZE = MAGIC.length + ID_SIZE + NAME_SIZE;

export function trailer(id: string, name: string): Buffer {
  const bytes = Buffer.alloc(TRAILER_SIZE);
  bytes.write(MAGIC + id, 'latin1');
  bytes.write(name, MAGIC.length + ID_SIZE, 'latin1');
  return bytes;
}

/** Name of the executable that is all tools, and of its own tool. */
export const MULTICALL = 'ts-tools';
/** Where Bun's own executable lies in it (packages/sys/runner/prelude.c). */
export const RUNTIME_OFFSET = 0x10000;

export interface Called {
  readonly tool: string;
  readonly argv: readonly string[];
}

const MOST_LINKS = 40;

/** The last parts of a path and of what it leads to, link by link: `apart` → `ts-mount` → `ts-tools`. */
function* namesAlong(path: string): Generator<string> {
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    yield basename(at);
    const target = unlessRefused(() => readLink(at));
    if (target === undefined) return;
    at = resolve(dirname(at), target);
  }
}

/**
 * What the executable with all tools is when it is executed as `path`: the tool of that name or of a link on the way, else of
 * argv[0], else of the next word. The file comes first: it may be started under any argv[0].
 */
export function calledOf({ names = {} }: Build, path: string, argv: readonly string[]): Called {
  const toolNamed = (name: string) => (Object.hasOwn(names, name) ? names[name] : undefined);
  const [zeroth = '', first = ''] = argv;
  for (const name of [...namesAlong(path), basename(zeroth)]) {
    const tool = toolNamed(name);
    if (tool !== undefined) return { tool, argv };
  }
  const inner = toolNamed(first);
  return inner === undefined ? { tool: MULTICALL, argv } : { tool: inner, argv: argv.slice(1) };
}

/** The tool of this build, where it is one, that is executed as `path`. */
export function toolAt(build: Build, path: string, argv: readonly string[]): Called | undefined {
  const name = toolOf(build, path);
  if (name === undefined) return undefined;
  return name === MULTICALL ? calledOf(build, path, argv) : { tool: name, argv };
}

/** Name of the tool that a file is, where it is one of this build. */
export function toolOf(build: Build, path: string): string | undefined {
  const fd = unlessRefused(() => openFile(path));
  // It may be executable without being readable: then it is not one that we know.
  if (fd === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(TRAILER_SIZE);
    const { size } = fstat(fd);
    if (size < TRAILER_SIZE || readInto(fd, bytes, size - TRAILER_SIZE) < TRAILER_SIZE) return undefined;
    if (bytes.toString('latin1', 0, MAGIC.length + ID_SIZE) !== MAGIC + build.id) return undefined;
    const name = bytes.toString('latin1', MAGIC.length + ID_SIZE);
    return name.slice(0, name.indexOf('\0'));
  } finally {
    closeFile(fd);
  }
}
