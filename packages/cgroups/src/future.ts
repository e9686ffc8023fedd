/** A look at groups that do not exist yet: which files they will have. Pure. */
import type { Reader } from './hierarchies.ts';
import { controllerOf } from './settings.ts';
import type { Target } from './spec.ts';
import { settings } from './table.ts';

/** Whether a name is of the other version alone. */
function isForeign(name: string, version: 1 | 2): boolean {
  const plain = name.replace(/^hugetlb\.[^.]+\./, 'hugetlb.*.');
  const has = (side: 'v1' | 'v2') => settings().some((row) => row[side] === plain);
  return version === 1 ? has('v2') && !has('v1') : has('v1') && !has('v2');
}

/** Whether the group will have that file when it is there, with the controllers that it was named for. */
function willHave({ hierarchy, enable }: Target, name: string): boolean {
  const { version, controllers } = hierarchy;
  const controller = controllerOf(name) ?? '';
  if (isForeign(name, version)) return false;
  if (version === 1) return controllers.includes(controller);
  return controller === 'cgroup' || enable.includes(controller);
}

/** The world as it will be when these groups have been made. */
export function withGroups<World extends Reader>(world: World, targets: readonly Target[]): World {
  const exists = (path: string) =>
    world.exists(path) ||
    targets.some((target) => {
      const { directory } = target;
      if (path === directory) return true;
      return path.startsWith(`${directory}/`) && willHave(target, path.slice(directory.length + 1));
    });
  return { ...world, exists };
}
