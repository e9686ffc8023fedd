/** capsh(1): capability shell wrapper. Options act in the order given. */
import { Bearer, capabilityCount, readCredentials } from '@ts/capabilities';
import { defineTool, exit, type Facet, type Outcome, type Parsed, type World } from '@ts/cli';
import { Failure, type LiveSys, live, type Recording, type Ref } from '@ts/sys';
import { type Action, makeAction, type Scene, type Settings } from './actions.ts';
import { causes } from './causes.ts';
import { ENDS, options } from './options.ts';
import { split } from './split.ts';

interface Program {
  readonly argv: readonly string[];
  /** Executed as this very path; otherwise searched in PATH. */
  readonly path?: string;
  readonly fork: boolean;
}

interface Plan {
  readonly actions: readonly Action[];
  readonly program?: Program;
  /** Number of capabilities of the kernel. */
  readonly count: number;
}

const SHELL = '/bin/bash';

function programOf([end, ...rest]: readonly string[], shell: string, world: World): Program | undefined {
  const ending = end === undefined ? undefined : ENDS[end];
  if (!ending) return undefined;
  const { what, fork } = ending;
  return what === 'shell'
    ? { argv: [shell, ...rest], path: shell, fork }
    : { argv: [world.calledAs ?? world.prog, ...rest], fork };
}

/** An action that fails when its turn comes: what stands before it is done first. */
const failing = (error: Failure): Action => ({
  looks: true,
  run: () => {
    throw error;
  },
});

function plan({ steps, values, operands }: Parsed<typeof options>, world: World): Plan {
  const count = capabilityCount(live(), world.read);
  const actions: Action[] = [];
  let settings: Settings = {
    elsewhere: false,
    strict: false,
    keepEnvironment: false,
    forked: false,
    json: Boolean(values.json),
  };
  let shell = SHELL;
  const end = steps.findIndex(({ option }) => option.long === 'license');
  for (const step of end < 0 ? steps : steps.slice(0, end + 1)) {
    const { long } = step.option;
    try {
      actions.push(makeAction(step, settings, count, world));
    } catch (error) {
      // What a tape would have to fork before it cannot be done live: then nothing is done at all.
      if (!(error instanceof Failure) || actions.some((action) => action.forks)) throw error;
      actions.push(failing(error));
    }
    if (long === 'strict') settings = { ...settings, strict: !settings.strict };
    if (long === 'noenv') settings = { ...settings, keepEnvironment: true };
    if (long === 'chroot') settings = { ...settings, elsewhere: true };
    if (long === 'forkfor' || long === 'killit') settings = { ...settings, forked: long === 'forkfor' };
    if (long === 'shell') shell = step.value as string;
  }
  return { actions, program: end < 0 ? programOf(operands, shell, world) : undefined, count };
}

const forks = ({ actions }: Plan) => actions.some((action) => action.forks);
const looks = ({ actions }: Plan) => actions.some((action) => action.looks);

function become({ argv, path, fork }: Program, { actions }: Plan, { environment, world }: Scene): Outcome {
  const changes = new Set<Facet>(actions.flatMap((action) => action.changes ?? []));
  if (fork) changes.add('pid');
  const hint = path === SHELL ? ' (--shell=PATH names another one)' : '';
  return {
    become: argv,
    path,
    environment: environment === world.environment ? undefined : environment,
    changes: [...changes],
    failure: { message: `cannot execute ${argv[0]}${hint}`, status: 1 },
  };
}

/** What follows is a child's. Its exit status becomes ours; where a signal has ended it, ours is 1. */
function launch(sys: Recording, prog: string): void {
  let child: Ref | undefined;
  sys.forkAndWait({
    parent: (_, pid) => {
      child = pid;
    },
    ended: (parent, status) => {
      // A status of wait(2) below 256 that is not 0 is a signal.
      parent.when(status, 'less', 256, () =>
        parent.when(status, 'notEqual', 0, () => {
          parent.print(2, [
            `${prog}: child PID=`,
            { result: child as Ref },
            ' terminated by signo=',
            { signal: status },
            '\n',
          ]);
          parent.end(1);
        }),
      );
    },
  });
}

function apply(plan: Plan, sys: Recording, world: World): Outcome {
  const { actions, program, count } = plan;
  const bearer = new Bearer(sys, world.credentials ?? readCredentials(live()));
  const scene: Scene = { bearer, world, count, recording: sys, environment: world.environment };
  for (const action of actions) action.run(scene);
  if (!program) return exit(0);
  if (program.fork) launch(sys, world.prog);
  return become(program, plan, scene);
}

/** In order, on this thread: what was changed stays as it is, since no execve comes between. */
function act(plan: Plan, sys: LiveSys, world: World): Outcome {
  const { actions, program, count } = plan;
  const scene: Scene = {
    bearer: new Bearer(sys, readCredentials(live())),
    world,
    count,
    live: sys,
    environment: world.environment,
  };
  for (const action of actions) {
    scene.bearer.credentials = readCredentials(live());
    action.run(scene);
  }
  return program ? become(program, plan, scene) : exit(0);
}

export const tool = defineTool({
  name: 'ts-capsh',
  replaces: ['capsh'],
  section: 1,
  summary: 'Explore and constrain capabilities; options act in the order given.',
  synopsis: ['[options] [-- [<argument of the shell>...]]', '[options] == [<option of capsh>...]'],
  options,
  grammar: { split },
  causes,
  reads: ['credentials', 'ids'],
  files: ({ actions }) => (actions.some(({ named }) => named) ? ['/etc/passwd', '/etc/group'] : []),
  description:
    'Each option acts when its turn comes: it changes the state of the process, prints it or tests it. "--" ends the options and makes the process the shell (/bin/bash, or that of --shell) with the remaining words as its arguments; "==" makes it capsh again. "-+" and "=+" do the same in a child and wait for it. Lists are names or numbers with commas between them, or "all".',
  differences: [
    'Failures are said with the name of the tool and the reason; a word that is no option is named on standard error beside the usage text.',
    '--has-a and --has-b of a number that the kernel does not know end with 1.',
    'A number that does not fit into 32 bits is refused (the original takes its lower half), and so is one with letters behind it in --groups, and a list for --has-a, --has-b, --has-i, --has-p and --supports (the original passes over what follows).',
    'A script without "#!" that --shell names is run by /bin/sh.',
    '--explain and --suggest have texts of our own.',
    'Behind an option that prints or tests, "-+" and "=+" do not fork, and --forkfor is refused.',
    '`--json`, `--dry-run`, `--trace` and `--version` are ours; --json holds for the whole command line.',
  ],
  exitStatuses: [
    ['0', 'all options did what they say, and no program follows'],
    ['1', 'an option failed, a test was not met, wrong usage, or the shell cannot be executed'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-capsh --decode=00000000a80425fb', says: 'the capabilities of a mask' },
    { command: "ts-capsh --drop=cap_net_raw -- -c 'ping localhost'", says: 'without raw sockets, for good' },
    {
      command:
        "ts-capsh --inh=cap_net_raw --keep=1 --user=nobody --addamb=cap_net_raw -- -c 'grep Cap /proc/self/status'",
      says: 'as an ordinary user with one capability',
    },
  ],
  plan,
  becomes: (plan) => !looks(plan) && (plan.program !== undefined || forks(plan)),
  apply,
  act,
});
