/** Why a call failed: asked here after a failure of this process, and by the runner in a run of its own. */
import { errnoName, Failure, isElsewhere, parseDecimal, SysError } from '@ts/sys';
import { type Call, end, type Session, toolNamed, worldOf } from './call.ts';
import { explain } from './causes.ts';
import { fileFailure } from './errors.ts';
import { footing } from './footing.ts';
import { realOf } from './search.ts';
import type { Tool } from './tool.ts';
import type { World } from './world.ts';

/** First argument of a run that explains a failure. */
export const EXPLAIN = '--explain-failure';

/** The line that explains a failure; none where what a probe looks at cannot be read. */
function hintOf(tool: Tool, subject: string, code: string, world: World): string | undefined {
  try {
    return explain(tool.causes ?? [], subject, code, world);
  } catch (error) {
    const failure = fileFailure(error);
    if (failure instanceof Failure) return undefined;
    throw error;
  }
}

/** Why a call failed, asked after it. In another root the files that would be read may be anybody's, and none is worth waiting for. */
export const causeOf = (error: Failure, tool: Tool, world: World): string | undefined =>
  error instanceof SysError && error.explain && !isElsewhere()
    ? hintOf(tool, error.explain, error.code, world)
    : undefined;

/** Why a failure happened, as its own run of the tool: arguments are errno, status and subject. Comes back where they are not. */
export function answerExplain(session: Session, words: readonly string[]): void {
  const [errno, status] = words.slice(0, 2).map((word) => parseDecimal(word));
  const [name, prog, ...rest] = (words[2] ?? '').split(' ');
  if (words.length !== 3 || errno === undefined || status === undefined || prog === undefined) return;
  const tool = toolNamed(session.build, name ?? '');
  if (!tool) return;
  const world = worldOf({ tool, argv: [prog], environment: session.inherited.environment }, session);
  const line = hintOf(tool, rest.join(' '), errnoName(errno), world);
  if (line) world.warn(line);
  end(status);
}

/** A run of this tool that explains a failure: by the very file and the very Node that run now, found by no search. */
export function explainerOf(path: string, { environment }: Call, { euid }: World) {
  const runtime = realOf(process.execPath) ?? '/';
  const isSpared = footing(path, runtime, euid, environment);
  return { path, option: EXPLAIN, variable: `TS_TOOLS_NODE=${runtime}`, isSpared };
}
