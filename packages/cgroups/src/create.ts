/** The steps that make groups: directories from the top, and on v2 the controllers handed down along the way. */
import type { Reader } from './hierarchies.ts';
import { type Group, groupAt, type Target } from './spec.ts';
import type { Step } from './steps.ts';

/** The group and all above it, the topmost first. */
function lineage({ hierarchy, path }: Group): Group[] {
  const names = path.split('/').filter(Boolean);
  return [
    groupAt(hierarchy, '/'),
    ...names.map((_, index) => groupAt(hierarchy, `/${names.slice(0, index + 1).join('/')}`)),
  ];
}

/** What createSteps may do beside making groups. */
export interface Creating {
  /** v2: name of a group into which the processes go that are in the way of handing controllers down. */
  readonly leaf?: string;
  /** v1: new groups of cpuset get the CPUs and memory nodes of the group above; without any nobody can enter them. */
  readonly fillCpuset?: boolean;
}

/** The topmost group of all alone may have processes and hand controllers down; it has no type. */
const mayHaveBoth = (directory: string, world: Reader) => !world.exists(`${directory}/cgroup.type`);

/** Moves all processes of a v2 group into one below it. */
function leafSteps(directory: string, leaf: string, world: Reader): Step[] {
  const pids = world.read(`${directory}/cgroup.procs`)?.split('\n').filter(Boolean) ?? [];
  if (!pids.length || mayHaveBoth(directory, world)) return [];
  const path = `${directory}/${leaf}`;
  const moves = pids.map(
    (pid) => ({ do: 'move', path: `${path}/cgroup.procs`, from: `${directory}/cgroup.procs`, pid }) as const,
  );
  return [...(world.exists(path) ? [] : [{ do: 'mkdir', path } as const]), ...moves];
}

function cpusetSteps(above: Group, { directory }: Group, world: Reader): Step[] {
  return ['cpus', 'mems'].flatMap((what) => {
    // Those of a group that is made here, too, are those of the one above it.
    const value = lineage(above)
      .map((group) => world.read(`${group.directory}/cpuset.effective_${what}`)?.trim())
      .findLast(Boolean);
    return value ? [{ do: 'write', path: `${directory}/cpuset.${what}`, value } as const] : [];
  });
}

/** Directories that are missing are made; controllers that are not yet handed down to the group are. */
export function createSteps(target: Target, world: Reader, { leaf, fillCpuset }: Creating = {}): Step[] {
  const steps: Step[] = [];
  const line = lineage(target);
  for (const [depth, group] of line.entries()) {
    if (!world.exists(group.directory)) {
      steps.push({ do: 'mkdir', path: group.directory });
      const above = line[depth - 1];
      const isCpuset = target.hierarchy.version === 1 && target.hierarchy.controllers.includes('cpuset');
      if (fillCpuset && above && isCpuset) steps.push(...cpusetSteps(above, group, world));
    }
    if (depth === line.length - 1) break;
    const control = `${group.directory}/cgroup.subtree_control`;
    const given = (world.read(control) ?? '').split(/\s+/);
    const wanted = target.enable.filter((controller) => !given.includes(controller));
    if (wanted.length) {
      if (leaf !== undefined) steps.push(...leafSteps(group.directory, leaf, world));
      const list = (sign: '+' | '-') => wanted.map((controller) => sign + controller).join(' ');
      steps.push({ do: 'write', path: control, value: list('+'), takeBack: list('-') });
    }
  }
  return steps;
}

/** The file that moves a process into a group: v1's takes single threads, and is the one that `cgcreate -t` gives away. */
export const entryFile = ({ hierarchy, directory }: Group) =>
  `${directory}/${hierarchy.version === 1 ? 'tasks' : 'cgroup.procs'}`;
