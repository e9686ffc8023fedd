/**
 * The end of a tool on a tape: an exit, a program, or the next tool of the chain, whose calls follow on the same tape where
 * planning it here and now gives what executing it later would.
 */
import { resolve } from 'node:path';
import {
  AT_EACCESS,
  AT_FDCWD,
  errnoOf,
  Failure,
  isBelow,
  pointerArray,
  type Ref,
  SIGINT,
  SIGTERM,
  type TapeRecording,
} from '@ts/sys';
import { toolAt } from './build.ts';
import { type Call, checkExclusive, progOf, type Session, speaker, tableOf, toolNamed, worldOf } from './call.ts';
import { type Emission, recordUserCheck } from './emit.ts';
import { parse } from './parse.ts';
import { candidates, findProgram, realOf } from './search.ts';
import type { Facet, Outcome, Tool } from './tool.ts';
import { type Identity, variableOf, type World } from './world.ts';

export type Becoming = Extract<Outcome, { become: readonly string[] }>;

/** Calls and their consequences for what may still be planned. */
export interface Chain {
  readonly sys: TapeRecording;
  readonly changed: ReadonlySet<Facet>;
  readonly mounted: readonly string[];
  /** Who the process will be, where that is not who it is now. */
  readonly identity?: Identity;
  /** The tape is for later runs. */
  readonly emission?: Emission;
}

/** A path as it is written, and what it leads to: either may be the one that a file lies below. */
const placesOf = (path: string): string[] => {
  const written = resolve(path);
  return [written, realOf(path) ?? written];
};

/** What is executed: the argument list, the paths to try in order, and what is said when none can be. */
export function programOf({ become, argv0, path, failure }: Becoming, environment: readonly string[]) {
  return {
    argv: argv0 === undefined ? become : [argv0, ...become.slice(1)],
    paths: path === undefined ? candidates(become[0] ?? '', environment) : [path],
    failure: failure ?? { message: `failed to execute ${become[0]}`, status: 126, statusMissing: 127 },
  };
}

/** The next tool of the chain where planning it here and now gives what executing it later would. */
export function nextTool(
  outcome: Becoming,
  chain: Chain,
  environment: readonly string[],
  session: Session,
): Call | undefined {
  const { emission, changed, mounted } = chain;
  if (outcome.argv0 !== undefined || changed.has('root')) return undefined;
  const differs = changed.has('credentials') || changed.has('filter');
  if (!emission && (variableOf(environment, 'TS_TOOLS_NO_FUSE') === '1' || differs)) return undefined;
  const found = findProgram(programOf(outcome, environment).paths);
  if (found === undefined) return undefined;
  const called = toolAt(session.build, found, outcome.become);
  if (called === undefined) return undefined;
  const real = realOf(found) ?? found;
  if (mounted.some((target) => isBelow(real, target) || isBelow(resolve(found), target))) return undefined;
  const tool = toolNamed(session.build, called.tool);
  if (tool && changed.has('credentials'))
    throw new Failure(`${tool.name} cannot be emitted: which rights an execve leaves it is known only then`);
  return tool && { tool, argv: called.argv, environment };
}

const isTool = (paths: readonly string[], argv: readonly string[], { build }: Session): boolean => {
  const found = findProgram(paths);
  return found !== undefined && toolAt(build, found, argv) !== undefined;
};

const readsOf = ({ reads = [] }: Tool, plan: unknown) => (typeof reads === 'function' ? reads(plan) : reads);

/** What of a plan holds for this run alone. */
export const momentary = (tool: Tool, plan: unknown) =>
  readsOf(tool, plan).includes('pid') ? 'its plan holds the number of this process' : tool.momentary?.(plan);

export const dependsOnUser = (tool: Tool, plan: unknown) =>
  readsOf(tool, plan).some((facet) => facet === 'ids' || facet === 'credentials');

export const lateness = (emission: Emission | undefined) =>
  emission && !emission.fixed.has('user') ? { userIsLater: true } : {};

/** What a tool would put on the tape, or why it must be executed: it prints, it ends in no program, it has to look at what is changed. */
export function planNext(call: Call, chain: Chain, session: Session): { plan: unknown; world: World } | string {
  const { tool } = call;
  const { changed, identity, mounted } = chain;
  const parsed = parse(tableOf(tool), call.argv.slice(1), tool.grammar);
  const answers = ['help', 'version', 'completion', 'dry-run', 'trace', 'emit'];
  const answer = parsed.steps.find(({ option }) => answers.includes(option.long));
  if (answer) return `--${answer.option.long} is for itself alone`;
  checkExclusive(tool, parsed);
  const world = { ...worldOf(call, session), ...identity, ...lateness(chain.emission) };
  const plan = tool.plan(parsed, world);
  const stale = readsOf(tool, plan).find((facet) => changed.has(facet));
  if (stale) return `it depends on what is changed before it (${stale})`;
  const hidden = tool.files?.(plan).find((file) => mounted.some((target) => isBelow(resolve(file), target)));
  if (hidden) return `it reads ${hidden}, which is mounted over before it`;
  if (tool.prepares?.(plan)) return 'it looks at the kernel’s answers first';
  return tool.becomes(plan) ? { plan, world } : 'it ends in no program, or prints before';
}

/** The same for a chain that is played now: what fails while planning, for whatever reason, is left to the tool itself, to say it in its turn. */
function fusible(call: Call, chain: Chain, session: Session): { plan: unknown; world: World } | undefined {
  try {
    const planned = planNext(call, chain, session);
    return typeof planned === 'string' ? undefined : planned;
  } catch {
    return undefined;
  }
}

/** The same for a tape that is kept: what cannot be on it is refused. */
function emissible(call: Call, chain: Chain, session: Session): { plan: unknown; world: World } {
  const planned = planNext(call, chain, session);
  const reason = typeof planned === 'string' ? planned : momentary(call.tool, planned.plan);
  if (reason) throw new Failure(`${call.tool.name} cannot be emitted: ${reason}`);
  return planned as Exclude<typeof planned, string>;
}

/** Records the end of a tool: an exit, the next tool's calls, or a program. */
export function conclude(outcome: Outcome, chain: Chain, call: Call, session: Session): void {
  const { sys } = chain;
  if ('exit' in outcome) {
    sys.end(outcome.exit);
    return;
  }
  const environment = outcome.environment ?? call.environment;
  const { changes = [], identity } = outcome;
  const isKnown = (facet: Facet) => identity !== undefined && (facet === 'ids' || facet === 'credentials');
  const after: Chain = {
    sys,
    changed: new Set([...chain.changed, ...changes].filter((facet) => !isKnown(facet))),
    identity:
      identity ?? (changes.some((facet) => facet === 'ids' || facet === 'credentials') ? undefined : chain.identity),
    mounted: [...chain.mounted, ...(outcome.mounted ?? []).flatMap(placesOf)],
    emission: chain.emission,
  };
  const next = nextTool(outcome, after, environment, session);
  const planned = next && (chain.emission ? emissible : fusible)(next, after, session);
  if (next && planned) {
    if (chain.emission && !after.identity && dependsOnUser(next.tool, planned.plan))
      recordUserCheck(sys, planned.world, next.tool.status ?? 1);
    const prog = progOf(next);
    const words = chain.emission ? undefined : next.argv;
    const nextSys = sys.speakFor(speaker(next), `${next.tool.name} ${prog}`, next.tool.status ?? 1, words);
    nextSys.ignoring().setProcessName(prog);
    conclude(next.tool.apply(planned.plan, nextSys, planned.world), { ...after, sys: nextSys }, next, session);
    return;
  }
  const { argv, paths, failure } = programOf(outcome, environment);
  const { fixed } = chain.emission ?? {};
  // Node would not start there: its process is the first one of the new namespace then, as with --fork.
  if (sys.childrenElsewhere && isTool(paths, argv, session)) sys.forkAndWait({ block: [SIGINT, SIGTERM] });
  const isLate = fixed && !fixed.has('path') && paths.length > 1;
  const given = outcome.environment ?? (fixed?.has('environment') ? environment : undefined);
  let result: Ref;
  if (outcome.refused) sayRefused(sys, outcome.refused, call, () => result);
  result = sys
    .or(failure.message, failure)
    .become(
      isLate ? (outcome.become[0] ?? '') : paths,
      argv,
      given && pointerArray(given),
      fixed !== undefined && !fixed.has('arguments'),
    );
}

const X_OK = 1;

function sayRefused(
  sys: TapeRecording,
  { file, line }: NonNullable<Becoming['refused']>,
  call: Call,
  result: () => Ref,
) {
  if (variableOf(call.environment, 'TS_HINTS') === '0') return;
  sys.undo((after) =>
    after.when(result(), 'equal', -errnoOf('EACCES'), () => {
      const allowed = after.do('faccessat2', AT_FDCWD, file, X_OK, AT_EACCESS) as Ref;
      after.when(allowed, 'equal', 0, () => after.print(2, [`${progOf(call)}: ${line}\n`]));
    }),
  );
}
