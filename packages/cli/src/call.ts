/** One call of a tool: by which name, with what, in which build, and what it sees of the world. */
import { basename } from 'node:path';
import { Failure, type Inherited, LibraryError, live, SIGPIPE, signalSet } from '@ts/sys';
import { type Build, type Help, toolAt } from './build.ts';
import { COMMON_OPTIONS, type Option, type Parsed } from './option.ts';
import { writeText } from './output.ts';
import { groupsOf } from './parse.ts';
import { candidates, findProgram } from './search.ts';
import type { Tool } from './tool.ts';
import { realWorld, type World } from './world.ts';

/** A tool as it was called: by which name, with what, in which environment. */
export interface Call {
  readonly tool: Tool;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
}

/** What a run has to do with: the build, what was inherited, and its own file. */
export interface Session {
  readonly build: Build;
  readonly inherited: Inherited;
  /** Path of the tool's own file, where it is one. */
  readonly file: string | undefined;
}

/** Ends the process at once; nothing is left to be done by the runtime. */
export function end(status: number): never {
  try {
    return live().exit_group(status) as never;
  } catch (error) {
    if (error instanceof LibraryError) process.exit(status);
    throw error;
  }
}

export const progOf = (call: Call) => basename(call.argv[0] || call.tool.name);

export const isBare = ({ tool, argv }: Call) => tool.bare?.includes(basename(argv[0] || tool.name)) ?? false;

/** The name before what is said while a tape is played; none where the original says none. */
export const speaker = (call: Call) => (isBare(call) ? '' : progOf(call));

/** The table with the options that every tool has, less those whose name the tool uses itself. */
export function tableOf(tool: Tool): readonly Option[] {
  const own = new Set(tool.options.map(({ long }) => long));
  return [...tool.options, ...COMMON_OPTIONS.filter(({ long }) => !own.has(long))];
}

export const isGiven = (parsed: Parsed, long: string) => parsed.steps.some(({ option }) => option.long === long);

export function checkExclusive(tool: Tool, parsed: Parsed): void {
  if (!tool.exclusive || parsed.steps.length < 2) return;
  for (const part of groupsOf(parsed, tool.grammar)) {
    for (const group of tool.exclusive) {
      const [first, second] = group.filter((long) => isGiven(part, long));
      if (second) throw new Failure(`options --${first} and --${second} cannot be combined`, tool.usageStatus);
    }
  }
}

/** The file that runs, or in a chain, where that is an earlier tool's, the one that would have been executed. */
function ownFile({ tool, argv, environment }: Call, { build, file }: Session): string | undefined {
  const found = findProgram(candidates(argv[0] ?? '', environment));
  return [file, found].find((path) => path !== undefined && toolAt(build, path, [tool.name])?.tool === tool.name);
}

export function worldOf(call: Call, session: Session): World {
  const prog = progOf(call);
  const ignored = (session.inherited.ignored & signalSet([SIGPIPE])) !== 0n;
  const world = realWorld(
    { ...session.inherited, environment: call.environment },
    prog,
    (text) => writeText(1, text, ignored),
    (message) => writeText(2, isBare(call) ? `${message}\n` : `${prog}: ${message}\n`, true),
  );
  return { ...world, calledAs: call.argv[0], argv: call.argv, ownFile: () => ownFile(call, session) };
}

/** A tool of this build, out of this script or loaded behind it. */
export const toolNamed = ({ tools, load }: Build, name: string): Tool | undefined => tools[name]?.() ?? load?.(name);

export const helpOf = (build: Build): Help => {
  if (build.help) return build.help();
  build.whole?.();
  throw new Error('this build has no help');
};
