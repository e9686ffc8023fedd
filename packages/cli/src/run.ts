/**
 * Runs a tool: command line → plan → system calls, made now or recorded, → exit status or the next program.
 *
 * A next program that is a tool of the same build is planned onto the same tape, unless that could be noticed.
 */
import { basename, resolve } from 'node:path';
import {
  AT_EACCESS,
  AT_FDCWD,
  dry,
  errnoName,
  errnoOf,
  Failure,
  formatTape,
  giveBack,
  giveBackDescriptors,
  type Inherited,
  isBelow,
  isElsewhere,
  LibraryError,
  type LiveSys,
  live,
  parseDecimal,
  phase,
  play,
  pointerArray,
  quote,
  type Recording,
  type Ref,
  recording,
  SIGINT,
  SIGPIPE,
  SIGTERM,
  SysError,
  signalSet,
  type TapeRecording,
} from '@ts/sys';
import { type Build, type Help, toolAt } from './build.ts';
import { explain } from './causes.ts';
import { type Emission, emissionOf, recordUserCheck, writeExecutable } from './emit.ts';
import { fileFailure, UsageError } from './errors.ts';
import { footing } from './footing.ts';
import { COMMON_OPTIONS, type Option, type Parsed } from './option.ts';
import { writeText } from './output.ts';
import { groupsOf, parse } from './parse.ts';
import { candidates, findProgram, realOf, SEARCH_GOES_ON } from './search.ts';
import type { Facet, Outcome, Tool } from './tool.ts';
import { type Identity, realWorld, variableOf, type World } from './world.ts';

/** A tool as it was called: by which name, with what, in which environment. */
interface Call {
  readonly tool: Tool;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
}

interface Session {
  readonly build: Build;
  readonly inherited: Inherited;
  /** Path of the tool's own file, where it is one. */
  readonly file: string | undefined;
}

const EXPLAIN = '--explain-failure';
/** The words behind it are a command line to be completed: asked by the script that --completion prints. */
const COMPLETE = '--get-yargs-completions';

/** Ends the process at once; nothing is left to be done by the runtime. */
function end(status: number): never {
  try {
    return live().exit_group(status) as never;
  } catch (error) {
    if (error instanceof LibraryError) process.exit(status);
    throw error;
  }
}

const progOf = (call: Call) => basename(call.argv[0] || call.tool.name);

const isBare = ({ tool, argv }: Call) => tool.bare?.includes(basename(argv[0] || tool.name)) ?? false;

/** The name before what is said while a tape is played; none where the original says none. */
const speaker = (call: Call) => (isBare(call) ? '' : progOf(call));

/** The table with the options that every tool has, less those whose name the tool uses itself. */
export function tableOf(tool: Tool): readonly Option[] {
  const own = new Set(tool.options.map(({ long }) => long));
  return [...tool.options, ...COMMON_OPTIONS.filter(({ long }) => !own.has(long))];
}

const isGiven = (parsed: Parsed, long: string) => parsed.steps.some(({ option }) => option.long === long);

function checkExclusive(tool: Tool, parsed: Parsed): void {
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

function worldOf(call: Call, session: Session): World {
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

/** Options after which nothing else is looked at. */
function answer(call: Call, parsed: Parsed, world: World, session: Session): number | undefined {
  const { build } = session;
  const [step] = parsed.steps.filter(({ option }) => ['help', 'version', 'completion'].includes(option.long));
  switch (step?.option.long) {
    case 'help':
      world.print(helpOf(build).helpText(call.tool, tableOf(call.tool), world.prog));
      return 0;
    case 'version':
      world.print(
        `${world.prog} from container-microtools ${build.version}${call.tool.features ? ` (${call.tool.features})` : ''}\n`,
      );
      return 0;
    case 'completion':
      world.print(helpOf(build).completionScript(call.tool.name, step.value ?? ''));
      return 0;
    default:
      return undefined;
  }
}

/** A tool of this build, out of this script or loaded behind it. */
const toolNamed = ({ tools, load }: Build, name: string): Tool | undefined => tools[name]?.() ?? load?.(name);

const helpOf = (build: Build): Help => {
  if (build.help) return build.help();
  build.whole?.();
  throw new Error('this build has no help');
};

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

/** Why a failure happened, as its own run of the tool: arguments are errno, status and subject. Comes back where they are not. */
function answerExplain(session: Session, words: readonly string[]): void {
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

/** Why a call failed, asked after it. In another root the files that would be read may be anybody's, and none is worth waiting for. */
const causeOf = (error: Failure, tool: Tool, world: World): string | undefined =>
  error instanceof SysError && error.explain && !isElsewhere()
    ? hintOf(tool, error.explain, error.code, world)
    : undefined;

/** Prints what went wrong; gives the exit status. */
function report(call: Call, world: World, error: unknown): number {
  const { tool } = call;
  const usageStatus = tool.usageStatus ?? 1;
  if (error instanceof UsageError) {
    const what = `${error.asGetopt ? call.argv[0] : world.prog}: ${error.message}\n`;
    const line = tool.usageLine?.(call.argv[0] as string) ?? `Try '${world.prog} --help' for more information.`;
    const own = tool.usageLine && !error.asGetopt;
    writeText(2, own ? `${line}\n${what}` : `${what}${line}\n`, true);
    if (error.remedy) world.warn(error.remedy);
    return usageStatus;
  }
  if (error instanceof Failure) {
    world.warn(error.said);
    const remedy = world.variable('TS_HINTS') === '0' ? undefined : (error.remedy ?? causeOf(error, tool, world));
    if (remedy) world.warn(remedy);
    return error.status ?? tool.status ?? 1;
  }
  // A reader that has gone, where SIGPIPE is ignored: util-linux's tools end as if they had been read.
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return 0;
  const failure = fileFailure(error);
  if (failure === error) throw error;
  return report(call, world, failure);
}

type Becoming = Extract<Outcome, { become: readonly string[] }>;

/** Calls and their consequences for what may still be planned. */
interface Chain {
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
function programOf({ become, argv0, path, failure }: Becoming, environment: readonly string[]) {
  return {
    argv: argv0 === undefined ? become : [argv0, ...become.slice(1)],
    paths: path === undefined ? candidates(become[0] ?? '', environment) : [path],
    failure: failure ?? { message: `failed to execute ${become[0]}`, status: 126, statusMissing: 127 },
  };
}

/** The next tool of the chain where planning it here and now gives what executing it later would. */
function nextTool(outcome: Becoming, chain: Chain, environment: readonly string[], session: Session): Call | undefined {
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

/** What a tool would put on the tape, or why it must be executed: it prints, it ends in no program, it has to look at what is changed. */
function planNext(call: Call, chain: Chain, session: Session): { plan: unknown; world: World } | string {
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

const lateness = (emission: Emission | undefined) =>
  emission && !emission.fixed.has('user') ? { userIsLater: true } : {};

/** The same for a tape that is kept: what cannot be on it is refused. */
function emissible(call: Call, chain: Chain, session: Session): { plan: unknown; world: World } {
  const planned = planNext(call, chain, session);
  const reason = typeof planned === 'string' ? planned : momentary(call.tool, planned.plan);
  if (reason) throw new Failure(`${call.tool.name} cannot be emitted: ${reason}`);
  return planned as Exclude<typeof planned, string>;
}

/** What of a plan holds for this run alone. */
const momentary = (tool: Tool, plan: unknown) =>
  readsOf(tool, plan).includes('pid') ? 'its plan holds the number of this process' : tool.momentary?.(plan);

/** Records the end of a tool: an exit, the next tool's calls, or a program. */
function conclude(outcome: Outcome, chain: Chain, call: Call, session: Session): void {
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
    conclude(
      next.tool.apply(planned.plan, nextSys as Recording, planned.world),
      { ...after, sys: nextSys },
      next,
      session,
    );
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

const dependsOnUser = (tool: Tool, plan: unknown) =>
  readsOf(tool, plan).some((facet) => facet === 'ids' || facet === 'credentials');

/** The calls of a chain for a file, without what gives a runtime's changes back: there was none. */
function recordEmission(call: Call, plan: unknown, world: World, session: Session, texts: boolean, emission: Emission) {
  const { tool } = call;
  const status = tool.status ?? 1;
  const reason = tool.becomes(plan) ? momentary(tool, plan) : 'it ends in no program, or prints before';
  if (reason) throw new Failure(`${tool.name} cannot be emitted: ${reason}`);
  const sys = recording(status, texts).speakFor(speaker(call), `${tool.name} ${world.prog}`, status);
  if (emission.fixed.has('user') || dependsOnUser(tool, plan)) recordUserCheck(sys, world, status);
  conclude(
    tool.apply(plan, sys as Recording, world),
    { sys, changed: new Set(), mounted: [], emission },
    call,
    session,
  );
  return sys.finish();
}

function record(call: Call, plan: unknown, world: World, session: Session, texts: boolean, prologue: boolean) {
  const { tool } = call;
  const asking = `${tool.name} ${world.prog}`;
  const sys = recording(tool.status ?? 1, texts).speakFor(speaker(call), asking, tool.status ?? 1);
  if (prologue) giveBack(sys, session.inherited, world.prog);
  const outcome = tool.apply(plan, sys as Recording, world);
  conclude(outcome, { sys, changed: new Set(), mounted: [] }, call, session);
  return sys.finish();
}

/** --dry-run: the calls in order, none made. */
function rehearseAloud(call: Call, plan: unknown, world: World, session: Session): number | Promise<number> {
  const { tool } = call;
  const words = tool.describe?.(plan, world) ?? '';
  if (tool.becomes(plan) || !tool.act) {
    world.print(words + formatTape(record(call, plan, world, session, true, false)));
    return 0;
  }
  world.print(words);
  const outcome = tool.act(
    plan,
    dry(tool.status ?? 1, (line) => world.print(`${line}\n`)),
    world,
  );
  const finish = (ended: Outcome): number => {
    if ('exit' in ended) return ended.exit;
    world.print(`execvp(${ended.become.map(quote).join(', ')})\n`);
    return 0;
  };
  return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
}

/** A run of this tool that explains a failure: by the very file and the very Node that run now, found by no search. */
function explainerOf(path: string, { environment }: Call, { euid }: World) {
  const runtime = realOf(process.execPath) ?? '/';
  const isSpared = footing(path, runtime, euid, environment);
  return { path, option: EXPLAIN, variable: `TS_TOOLS_NODE=${runtime}`, isSpared };
}

function perform(call: Call, world: World, session: Session): number | Promise<number> {
  const { tool } = call;
  if (call.argv[1] === COMPLETE) {
    world.print(helpOf(session.build).completions(tableOf(tool), call.argv.at(-1) ?? ''));
    return 0;
  }
  const parsed = parse(tableOf(tool), call.argv.slice(1), tool.grammar);
  const answered = answer(call, parsed, world, session);
  if (answered !== undefined) return answered;
  checkExclusive(tool, parsed);
  phase('parsed');
  const tracing = isGiven(parsed, 'trace');
  if (session.build.whole && (tracing || isGiven(parsed, 'dry-run'))) {
    session.build.whole();
    // It has not ended the process yet, but will: data is still streaming through.
    return new Promise(() => {});
  }
  const emission = emissionOf(parsed);
  const plan = tool.plan(parsed, { ...world, ...lateness(emission) });
  phase('planned');
  if (isGiven(parsed, 'dry-run')) return rehearseAloud(call, plan, world, session);
  if (emission) {
    const tape = recordEmission(call, plan, world, session, tracing, emission);
    writeExecutable(emission, tape, { trace: tracing ? 2 : undefined }, tool.status ?? 1);
    return 0;
  }
  if (tool.becomes(plan)) {
    const explainer =
      session.file !== undefined && world.variable('TS_HINTS') !== '0'
        ? explainerOf(session.file, call, world)
        : undefined;
    const early = live(tool.status ?? 1, tracing ? (line) => writeText(2, `${line}\n`, true) : undefined);
    const prepared = tool.prepares?.(plan) ? tool.prepare?.(plan, early, world) : plan;
    const tape = record(call, prepared, world, session, tracing, true);
    phase('recorded');
    play(live(), tape, world.prog, session.inherited, { trace: tracing ? 2 : undefined, explainer });
  }
  const sys = live(tool.status ?? 1, tracing ? (line) => writeText(2, `${line}\n`, true) : undefined);
  const outcome = act(call, plan, sys, world);
  const finish = (ended: Outcome) => ('exit' in ended ? ended.exit : becomeLive(ended, call, sys, session, world));
  return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
}

const act = ({ tool }: Call, plan: unknown, sys: LiveSys, world: World) =>
  tool.act?.(plan, sys, world) ?? tool.apply(plan, sys as unknown as Recording, world);

/** After calls made live, with no execve in between that would change credentials: give back and execute from this thread. */
function becomeLive(outcome: Becoming, call: Call, sys: LiveSys, session: Session, world: World): number {
  const environment = outcome.environment ?? call.environment;
  const { argv, paths, failure } = programOf(outcome, environment);
  giveBack(sys, session.inherited, world.prog);
  giveBackDescriptors(sys, session.inherited);
  let last: SysError | undefined;
  for (const candidate of paths) {
    try {
      sys.or(failure.message, failure).execve(candidate, argv, environment);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.code === 'ENOEXEC') sys.execve('/bin/sh', ['/bin/sh', candidate, ...argv.slice(1)], environment);
      if (last?.code !== 'EACCES') last = error;
      if (!SEARCH_GOES_ON.includes(error.code)) break;
    }
  }
  throw last;
}

/** Runs the tool `name` and ends the process. Throws what nobody foresaw; where data streams through, gives it to `crashed`. */
export function start(
  build: Build,
  name: string,
  inherited: Inherited,
  file: string | undefined,
  crashed: (error: unknown) => void,
): void {
  phase('environment');
  const session: Session = { build, inherited, file };
  const [, first, ...rest] = inherited.argv;
  if (first === EXPLAIN) answerExplain(session, rest);
  const tool = build.tools[name]?.();
  if (!tool) throw new Error(`no such tool in this build: ${name}`);
  const call: Call = { tool, argv: inherited.argv, environment: inherited.environment };
  const world = worldOf(call, session);
  const failed = (error: unknown) => report(call, world, error);
  let status: number | Promise<number>;
  try {
    status = perform(call, world, session);
  } catch (error) {
    status = failed(error);
  }
  if (typeof status === 'number') end(status);
  process.on('uncaughtException', crashed);
  // Nothing is left to wait for, and yet it has not ended.
  process.on('beforeExit', () => crashed(new Error('the work was left undone')));
  status.catch(failed).then(end).catch(crashed);
}

/** What nobody foresaw, on one line. With TS_TOOLS_STACK=1 the stack follows. */
function crash(build: Build, name: string, { argv, environment }: Inherited, error: unknown): never {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const prog = basename(argv[0] || name);
  writeText(2, `${prog}: internal error: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`, true);
  if (variableOf(environment, 'TS_TOOLS_STACK') === '1' && error instanceof Error)
    writeText(2, `${error.stack}\n`, true);
  let status: number | undefined;
  try {
    status = build.tools[name]?.().status;
  } catch {
    // it is what cannot be loaded: then it has no status of its own
  }
  end(status ?? 1);
}

/** Runs the tool `name` and ends the process. `file`: path of the single file, where it is one. */
export function main(build: Build, name: string, inherited: Inherited, file?: string): void {
  const crashed = (error: unknown) => crash(build, name, inherited, error);
  try {
    start(build, name, inherited, file, crashed);
  } catch (error) {
    crashed(error);
  }
}
