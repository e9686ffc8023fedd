/** pivot_root(8): command-line interface for pivot_root(2). */
import { defineTool, exit, HELP_OPTIONS, type Option, type Outcome, type Parsed, UsageError } from '@ts/cli';
import { bindToItself, detachRoot, holdRoot, mountProcIn } from '@ts/mounts';
import { type Int, MNT_DETACH, type Steps, type Sys, together } from '@ts/sys';
import { causes } from './causes.ts';

const options = [
  ...HELP_OPTIONS,
  {
    long: 'bind',
    help: 'make <new_root> a mount point first',
    details: 'It is bound to itself, with all that is mounted below it.',
    group: 'Ours',
    ours: true,
  },
  { long: 'umount-old', help: 'detach the old root afterwards', group: 'Ours', ours: true },
  { long: 'proc', help: 'mount proc on the new root’s /proc', group: 'Ours', ours: true },
] as const satisfies readonly Option[];

interface Plan {
  readonly newRoot: string;
  readonly putOld: string;
  readonly bind: boolean;
  readonly umountOld: boolean;
  readonly proc: boolean;
  readonly program: readonly string[];
}

function plan({ values, operands, beforeDashes }: Parsed<typeof options>): Plan {
  const [newRoot, putOld, ...program] = operands;
  if (newRoot === undefined || putOld === undefined || beforeDashes !== 2) throw new UsageError('bad usage');
  if (program[0] === '') throw new UsageError('the program has no name');
  return {
    newRoot,
    putOld,
    bind: Boolean(values.bind),
    umountOld: Boolean(values['umount-old']),
    proc: Boolean(values.proc),
    program,
  };
}

const isHere = (path: string) => /^(\.\/*)+$/.test(path);

const procOf = ({ newRoot }: Plan) => `${newRoot.replace(/\/+$/, '')}/proc`;

/** Whoever stands in the new root has to step onto its mount. */
const bind = (sys: Sys, { newRoot }: Plan): void =>
  bindToItself(sys.or(`cannot bind '${newRoot}'`).explaining(`pivot ${newRoot} ${newRoot}`), newRoot, isHere(newRoot));

/** In the old root's sight still: in a user namespace proc can be mounted only where another one is seen. */
function mountProc(sys: Sys, plan: Plan): Int {
  const path = procOf(plan);
  return mountProcIn(sys.or(`cannot mount '${path}'`).explaining(`proc ${path}`), plan.newRoot);
}

const holdOld = (sys: Sys, { umountOld }: Plan) => (umountOld ? holdRoot(sys) : undefined);

function swap(sys: Sys, { newRoot, putOld }: Plan): void {
  sys
    .or(`failed to change root from \`${newRoot}' to \`${putOld}'`)
    .explaining(`pivot ${newRoot} ${putOld}`)
    .pivot_root(newRoot, putOld);
}

function settle(sys: Sys, { program }: Plan, old: Int | undefined): void {
  if (old !== undefined) detachRoot(sys, old);
  if (old !== undefined || program.length) sys.or('cannot chdir to the new root').chdir('/');
}

const unbind =
  ({ newRoot }: Plan) =>
  (sys: Sys): void => {
    sys.ignoring().umount2(newRoot, MNT_DETACH);
  };

/** By its descriptor: its path may lead elsewhere. */
const unmountProc =
  (proc: Int) =>
  (sys: Sys): void => {
    sys.ignoring().fchdir(proc);
    sys.ignoring().umount2('.', MNT_DETACH);
  };

function change(plan: Plan, sys: Steps): void {
  if (plan.bind) {
    bind(sys, plan);
    sys.undo(unbind(plan));
  }
  if (plan.proc) sys.undo(unmountProc(mountProc(sys, plan)));
  const old = holdOld(sys, plan);
  swap(sys, plan);
  settle(sys, plan, old);
}

function apply(plan: Plan, sys: Sys): Outcome {
  together(sys, (steps) => change(plan, steps));
  return plan.program.length ? { become: plan.program, changes: ['root'] } : exit(0);
}

export const tool = defineTool({
  name: 'ts-pivot',
  replaces: ['pivot_root'],
  section: 8,
  summary: 'Change the root file system.',
  synopsis: ['[options] <new_root> <put_old> [-- <program> [<argument>...]]'],
  options,
  grammar: { permute: true },
  causes,
  description:
    'Makes <new_root> the root of the mount namespace and puts the old root on <put_old>, a folder below it. <new_root> must be a mount point. Processes whose root or working directory was the old root have the new one. With a program, the working directory becomes "/" and the program is run; otherwise nothing but the root changes. With "." for both, no folder for the old root is needed: it lies over the new one until it is detached.',
  differences: [
    '`-- PROGRAM`, `--bind`, `--umount-old` and `--proc` are ours; what was mounted is unmounted again when a later step fails.',
    '`--dry-run` and `--trace` are ours.',
  ],
  exitStatuses: [
    ['1', 'a step failed, or wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program'],
  ],
  examples: [
    {
      command: 'ts-pivot --bind --umount-old rootfs rootfs -- /bin/sh',
      says: 'a shell in rootfs, from where nothing else can be reached',
    },
    {
      command: 'ts-unshare -rmpf ts-pivot --bind --proc --umount-old rootfs rootfs/old -- /bin/sh',
      says: 'the same without being root, in namespaces of its own',
    },
  ],
  plan,
  becomes: ({ program }) => program.length > 0,
  apply,
  act: apply,
});
