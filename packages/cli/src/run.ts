/**
 * Runs a tool: command line → plan → system calls, made now (./acting.ts) or recorded (./recording.ts) and played, → exit status or
 * the next program (./fusing.ts).
 */
import { type Inherited, live, phase, play } from '@ts/sys';
import { act, becomeLive } from './acting.ts';
import type { Build } from './build.ts';
import { type Call, checkExclusive, end, helpOf, isGiven, type Session, tableOf, worldOf } from './call.ts';
import { dryRun } from './dry-run.ts';
import { emissionOf, writeExecutable } from './emit.ts';
import { answerExplain, EXPLAIN, explainerOf } from './explaining.ts';
import { lateness } from './fusing.ts';
import type { Parsed } from './option.ts';
import { writeText } from './output.ts';
import { parse } from './parse.ts';
import { record, recordEmission } from './recording.ts';
import { crash, report } from './report.ts';
import type { Outcome } from './tool.ts';
import type { World } from './world.ts';

/** The words behind it are a command line to be completed: asked by the script that --completion prints. */
const COMPLETE = '--get-yargs-completions';

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
  if (isGiven(parsed, 'dry-run')) return dryRun(call, plan, world, session);
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

/** Runs the tool `name` and ends the process. `file`: path of the single file, where it is one. */
export function main(build: Build, name: string, inherited: Inherited, file?: string): void {
  const crashed = (error: unknown) => crash(build, name, inherited, error);
  try {
    start(build, name, inherited, file, crashed);
  } catch (error) {
    crashed(error);
  }
}
