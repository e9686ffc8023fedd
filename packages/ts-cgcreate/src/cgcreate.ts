/** cgcreate(1): makes control groups. */
import {
  BAD_ARGUMENTS,
  causes,
  contentOf,
  entryFile,
  momentary,
  NOT_ALLOWED,
  OTHER,
  perform,
  type Step,
  statOf,
  wrongInput,
} from '@ts/cgroups';
import { defineTool, exit, type Outcome } from '@ts/cli';
import type { Sys } from '@ts/sys';
import { options } from './options.ts';
import { type Creation, describe, type Plan, plan } from './plan.ts';

const PERMISSIONS = 0o777;

/** Nobody gets what the owner does not have. */
const withinOwner = (mode: number, file: string) => mode & ((((statOf(file)?.mode ?? 0) >> 6) & 7) * 0o111);

/** Owners and modes, which a group has only when it is there: a tape knows the directory and the tasks file alone. */
function* permissionSteps({ target }: Creation, plan: Plan, live: boolean): Generator<Step> {
  const { directory } = target;
  const { admin, task, directoryMode, fileMode, tasksMode } = plan;
  const entry = entryFile(target);
  // On v2 a subtree is delegated with this file; on v1 `tasks` is for whom -t says.
  const kept = target.hierarchy.version === 1 ? entry : undefined;
  const names = live && (admin || fileMode !== undefined) ? (contentOf(directory)?.files ?? []) : [];
  const files = names.map((name) => `${directory}/${name}`).filter((file) => file !== kept);
  if (admin) for (const path of [directory, ...files]) yield { do: 'chown', path, ...admin };
  if (directoryMode !== undefined) yield { do: 'chmod', path: directory, mode: directoryMode };
  if (fileMode !== undefined) for (const path of files) yield { do: 'chmod', path, mode: withinOwner(fileMode, path) };
  if (task) yield { do: 'chown', path: entry, ...task };
  if (tasksMode !== undefined)
    yield { do: 'chmod', path: entry, mode: live ? withinOwner(tasksMode, entry) : tasksMode & PERMISSIONS };
}

function* steps(plan: Plan, live: boolean): Generator<Step> {
  for (const creation of plan.creations) {
    const says = `can't create cgroup ${creation.name}`;
    for (const step of creation.steps) yield { ...step, says };
    for (const step of permissionSteps(creation, plan, live)) yield { ...step, says };
  }
}

function apply(plan: Plan, sys: Sys): Outcome {
  perform(sys, steps(plan, sys.live), { says: '', status: OTHER.status, statusOpen: NOT_ALLOWED.status });
  return plan.program.length ? { become: plan.program, changes: ['cgroups'] } : exit(0);
}

export const tool = defineTool({
  name: 'ts-cgcreate',
  replaces: ['cgcreate'],
  section: 1,
  summary: 'Create control groups.',
  synopsis: [
    '[-b] [--leaf <name>] [-a <uid>:<gid>] [-t <uid>:<gid>] [-d <mode>] [-f <mode>] [-s <mode>] -g <controllers>:<path> [-g ...] [-- <program> [<argument>...]]',
  ],
  options,
  grammar: { permute: true },
  status: OTHER.status,
  usageStatus: BAD_ARGUMENTS,
  usageLine: wrongInput('-h'),
  causes,
  reads: ['cgroups', 'root'],
  description:
    'Makes each group in the hierarchies of its controllers, and the groups above it where they are missing; on cgroup v2 the controllers are handed down to it. Groups above keep their owner.',
  differences: [
    'When a step fails, every group made by this call is removed again.',
    'An unknown owner is an error with status 129 (the original prints it and returns 0); owners may be numbers.',
    'A path that leaves the hierarchy by ".." is refused (the original makes a directory outside of it).',
    'A group that exists keeps its owner where -a is not given (the original gives it to root).',
    'Named hierarchies (name=systemd) are found, if named.',
    'On cgroup v2 -t and -s are for cgroup.procs (the original of libcgroup 2 leaves it to -a and -f).',
    'Controllers whose work v2 does without one (cpuacct, freezer, devices, perf_event), and none at all (`:PATH`), mean the v2 tree.',
    'There are no -c, -p and -S, which make a scope of systemd over D-Bus: `systemd-run --scope -p Delegate=yes` does, and ts-cgexec works in it (its page has the recipe). Groups are always named from the top, so there is no default scope to set.',
    'A program may follow behind --.',
  ],
  exitStatuses: [
    ['87', 'not allowed'],
    ['91', 'a controller is not mounted'],
    ['96', 'the kernel has refused a step'],
    ['129', 'wrong usage'],
  ],
  examples: [
    {
      command: 'ts-cgcreate -t nobody:nogroup -a nobody:nogroup -g cpu,memory:job',
      says: 'a group that an ordinary user may use and set',
    },
  ],
  momentary: ({ creations }) => momentary(creations.flatMap(({ steps }) => steps)),
  plan,
  becomes: ({ program, admin, fileMode }) => program.length > 0 && !admin && fileMode === undefined,
  both: apply,
  describe,
});
