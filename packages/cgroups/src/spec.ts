/** How a command line names groups: `cpu,memory:path`, `*:path`, `:path` (the v2 tree, no controller). */
import { everyController, findHome, type Hierarchies, type Hierarchy, type Reader, whyMissing } from './hierarchies.ts';

export interface Spec {
  readonly controllers: readonly string[];
  /** As it was written. */
  readonly path: string;
}

/** A group in one hierarchy. */
export interface Group {
  readonly hierarchy: Hierarchy;
  /** From the hierarchy's visible top: `/` or `/a/b`. */
  readonly path: string;
  readonly directory: string;
}

/** A group and the controllers for which it was named. */
export interface Target extends Group {
  readonly controllers: readonly string[];
  /** Controllers that every group above it must hand down; for v2 only. */
  readonly enable: readonly string[];
}

export interface Missing {
  readonly controller: string;
  readonly hint: string;
}

/** Undefined where the text is not `controllers:path`. */
export function parseSpec(text: string): Spec | undefined {
  const colon = text.indexOf(':');
  const path = text.slice(colon + 1);
  if (colon < 0 || path === '') return undefined;
  const controllers = text.slice(0, colon).split(',');
  return controllers.length > 1 && controllers.includes('') ? undefined : { controllers, path };
}

/** A path as `/a/b`, without links, as groups have none; undefined where it would leave the hierarchy. */
export function normalPath(path: string): string | undefined {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..' && !names.pop()) return undefined;
    if (!['', '.', '..'].includes(name)) names.push(name);
  }
  return `/${names.join('/')}`;
}

/** One name of a path, as a group may have it. */
export const isGroupName = (name: string) => /^[^/\n]+$/.test(name) && name !== '.' && name !== '..';

/** The group of that (normal) path. */
export function groupAt(hierarchy: Hierarchy, path: string): Group {
  const { mount } = hierarchy;
  return { hierarchy, path, directory: path === '/' ? mount : `${mount === '/' ? '' : mount}${path}` };
}

/** The group above; undefined for the topmost. */
export function parentOf({ hierarchy, path }: Group): Group | undefined {
  return path === '/' ? undefined : groupAt(hierarchy, path.slice(0, path.lastIndexOf('/')) || '/');
}

/** The groups that controllers and a (normal) path name, one a hierarchy. */
export function targetsOf(
  hierarchies: Hierarchies,
  controllers: readonly string[],
  path: string,
): readonly Target[] | Missing {
  const targets: (Target & { controllers: string[]; enable: string[] })[] = [];
  for (const controller of controllers.flatMap((name) => (name === '*' ? everyController(hierarchies) : [name]))) {
    const home = findHome(hierarchies, controller);
    if (!home) return { controller, hint: whyMissing(hierarchies, controller) };
    let target = targets.find(({ hierarchy }) => hierarchy === home.hierarchy);
    if (!target) {
      target = { ...groupAt(home.hierarchy, path), controllers: [], enable: [] };
      targets.push(target);
    }
    if (!target.controllers.includes(controller)) target.controllers.push(controller);
    if (home.enable !== undefined && !target.enable.includes(home.enable)) target.enable.push(home.enable);
  }
  return targets.length ? targets : { controller: controllers[0] ?? '', hint: whyMissing(hierarchies, '') };
}

export const notHandedDown = (controllers: string, path: string) =>
  `the group has no controller '${controllers}': cgcreate -g ${controllers}:${path} hands it down`;

/** Why a v2 group that is there would do nothing for controllers that it was named for; undefined where it has them all. */
export function whyLacking({ enable, directory, path }: Target, world: Reader): string | undefined {
  const given = enable.length ? (world.read(`${directory}/cgroup.controllers`)?.split(/\s+/) ?? []) : [];
  const lacking = enable.filter((controller) => !given.includes(controller)).join(',');
  return lacking ? notHandedDown(lacking, path) : undefined;
}

/** `cpu,cpuacct:/path` */
export const formatSpec = (controllers: readonly string[], path: string) => `${controllers.join(',')}:${path}`;
