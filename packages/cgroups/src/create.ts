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

/** Directories that are missing are made; controllers that are not yet handed down to the group are. */
export function createSteps(target: Target, world: Reader): Step[] {
  const steps: Step[] = [];
  const line = lineage(target);
  for (const [depth, group] of line.entries()) {
    if (!world.exists(group.directory)) steps.push({ do: 'mkdir', path: group.directory });
    if (depth === line.length - 1) break;
    const control = `${group.directory}/cgroup.subtree_control`;
    const given = (world.read(control) ?? '').split(/\s+/);
    const wanted = target.enable.filter((controller) => !given.includes(controller));
    if (wanted.length) {
      const list = (sign: '+' | '-') => wanted.map((controller) => sign + controller).join(' ');
      steps.push({ do: 'write', path: control, value: list('+'), takeBack: list('-') });
    }
  }
  return steps;
}

/** The file that moves a process into a group: v1's takes single threads, and is the one that `cgcreate -t` gives away. */
export const entryFile = ({ hierarchy, directory }: Group) =>
  `${directory}/${hierarchy.version === 1 ? 'tasks' : 'cgroup.procs'}`;
