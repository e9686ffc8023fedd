/** chroot(1): command-line interface for chroot(2). */
import { defineTool, type Option, type Outcome, type Parsed, UsageError, type World } from '@ts/cli';
import { Failure, type Recording, type Sys, statIfThere } from '@ts/sys';
import { causes } from './causes.ts';
import { type Identity, identify, numericIdentity } from './identity.ts';
import { quote } from './quote.ts';

const options = [
  { long: 'groups', arg: 'g1,g2,…', help: 'specify supplementary groups, by id or name' },
  { long: 'userspec', arg: 'user:group', help: 'specify user and group (id or name) to use' },
  { long: 'skip-chdir', help: "do not change working directory to '/'" },
  { long: 'help', help: 'display this help' },
  { long: 'version', help: 'display version' },
] as const satisfies readonly Option[];

/** Status of the tool's own failures: 1 to 124 are left to the program. */
const FAILURE = 125;

interface Plan {
  readonly root: string;
  readonly skipChdir: boolean;
  readonly userspec?: string;
  readonly groups?: string;
  /** What the two say, where that is known without the new root's /etc/passwd and /etc/group. */
  readonly identity?: Identity;
  readonly program: readonly string[];
}

const isSameDirectory = (a: string, b: string) => {
  const [one, other] = [a, b].map((path) => statIfThere(path));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
};

function plan({ values, operands }: Parsed<typeof options>, world: World): Plan {
  const [root, ...program] = operands;
  if (root === undefined) throw new UsageError('missing operand');
  const skipChdir = Boolean(values['skip-chdir']);
  if (skipChdir && !isSameDirectory(root, '/'))
    throw new UsageError("option --skip-chdir only permitted if NEWROOT is old '/'");
  const { userspec, groups } = values;
  return {
    root,
    skipChdir,
    userspec,
    groups,
    identity: numericIdentity(userspec, groups),
    program: program.length ? program : [world.variable('SHELL') ?? '/bin/sh', '-i'],
  };
}

function enter(sys: Sys, { root, skipChdir }: Plan): void {
  sys
    .or(`cannot change root directory to ${quote.shell(root)}`)
    .explaining(`chroot ${root}`)
    .chroot(root);
  if (!skipChdir) sys.or('cannot chdir to root directory').chdir('/');
}

/** Groups first: without user 0 they could not be changed any more. */
function assume(sys: Sys, { uid, gid, groups }: Identity): void {
  if (groups) sys.or('failed to set supplemental groups').setgroups(groups);
  if (gid !== undefined) sys.or('failed to set group-ID').setgid(gid);
  if (uid !== undefined) sys.or('failed to set user-ID').setuid(uid);
}

/** What the old root's accounts say, where they say something. */
function identifyOutside({ userspec, groups }: Plan, world: World): Identity | undefined {
  try {
    return identify(userspec, groups, { ...world, warn: () => undefined });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function become({ program, userspec, groups }: Plan, world: World): Outcome {
  const identity = userspec === undefined && groups === undefined ? [] : (['ids', 'credentials'] as const);
  return {
    become: program,
    changes: ['root', ...identity],
    failure: {
      message: `failed to run command ${quote.words(program[0] as string, world)}`,
      status: 126,
      statusMissing: 127,
    },
  };
}

function apply(plan: Plan, sys: Recording, world: World): Outcome {
  enter(sys, plan);
  // Names are recorded for --dry-run alone, and then as far as the old root knows them.
  assume(sys, plan.identity ?? identify(plan.userspec, plan.groups, world));
  return become(plan, world);
}

export const tool = defineTool({
  name: 'ts-chroot',
  replaces: ['chroot'],
  section: 8,
  summary: 'Run a program with another root directory.',
  synopsis: ['[options] <newroot> [<program> [<argument>...]]'],
  options,
  status: FAILURE,
  usageStatus: FAILURE,
  causes,
  description:
    'Changes the root directory to <newroot>, the working directory to "/", and runs the program; without one, the shell that SHELL names (or /bin/sh) with -i. Names of users and groups are those of the new root; what it does not know of an id is taken from the old one.',
  differences: [
    'Names are looked up in /etc/passwd and /etc/group, by no other name service: in regular files of up to 32 MiB, through no link of /proc. A line whose ids are none, or 4294967295, is no account.',
    'A user id that only the old root knows has the groups of the old root; the original takes those of another account of the new one.',
    '`--dry-run` and `--trace` are ours.',
  ],
  exitStatuses: [
    ['125', 'a step failed, or wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-chroot rootfs /bin/sh', says: 'a shell that sees nothing but rootfs' },
    {
      command: 'ts-chroot --userspec=1000:1000 --groups=44 rootfs id',
      says: 'as user 1000 with one supplementary group',
    },
  ],
  plan,
  // Names can only be looked up when the new root is there.
  becomes: ({ userspec, groups, identity }) => identity !== undefined || (userspec === undefined && !groups),
  apply,
  act: (plan, sys, world) => {
    const outside = identifyOutside(plan, world);
    enter(sys, plan);
    assume(sys, identify(plan.userspec, plan.groups, world, outside));
    return become(plan, world);
  },
});
