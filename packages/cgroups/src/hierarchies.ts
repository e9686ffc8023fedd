/** Where the controllers of this process's system live: cgroup v1 mounts, the v2 tree, or both. */
import { allOptions, type Mount, parseMountinfo } from '@ts/mounts';
import { isBelow } from '@ts/sys';

/** What is read of the system. */
export interface Reader {
  /** Text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
}

/** One tree of groups, as it is mounted here. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** In the order of the mount. A named v1 hierarchy has the one entry `name=NAME`. */
  readonly controllers: readonly string[];
  /** Directory of the topmost group that can be seen. */
  readonly mount: string;
  /** All directories where this tree can be seen from its top; `mount` is the first. */
  readonly mounts: readonly string[];
  /** The kernel's number of the hierarchy: 0 for v2, undefined where this process has no group in it. */
  readonly number: number | undefined;
  /** That group's path in the hierarchy; not `/` inside a container that sees a part of it. */
  readonly root: string;
  /** This process's group, as a path below `mount`; undefined where it lies outside of what is mounted. */
  readonly own: string | undefined;
  readonly readOnly: boolean;
}

export interface Hierarchies {
  readonly mounted: readonly Hierarchy[];
  /** Controllers that the kernel knows, and whether they are enabled. */
  readonly known: ReadonlyMap<string, boolean>;
}

/** The texts that the model is made of. */
export interface Sources {
  /** /proc/self/mountinfo */
  readonly mountinfo: string;
  /** /proc/self/cgroup */
  readonly self: string;
  /** /proc/cgroups; empty where the kernel has no v1 */
  readonly cgroups: string;
  /** cgroup.controllers of the v2 tree mounted there. */
  controllersOf(mount: string): string;
}

/** Whether a mount can be reached by its path: nothing is mounted over it or over a folder above it. */
function isVisible(mount: Mount, all: readonly Mount[], byId: ReadonlyMap<number, Mount>): boolean {
  const ancestors = new Set<number>();
  for (let each: Mount | undefined = mount; each && !ancestors.has(each.id); each = byId.get(each.parent))
    ancestors.add(each.id);
  return !all.some((other) => !ancestors.has(other.id) && isBelow(mount.target, other.target));
}

/** The path below `root`, or undefined where it lies elsewhere. */
function below(path: string, root: string): string | undefined {
  if (root === '/') return path;
  if (path === root) return '/';
  return isBelow(path, root) ? path.slice(root.length) : undefined;
}

/** The model of a system, from its texts. Pure. */
export function parseHierarchies({ mountinfo, self, cgroups, controllersOf }: Sources): Hierarchies {
  const memberships = self
    .split('\n')
    .map((line) => /^(\d+):([^:]*):(.*)$/.exec(line) as [string, string, string, string] | null)
    .flatMap((match) =>
      match ? [{ number: Number(match[1]), controllers: match[2].split(','), path: match[3] }] : [],
    );
  const names = new Set(memberships.flatMap(({ controllers }) => controllers));
  const known = new Map(
    cgroups
      .split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .map((line) => line.split(/\s+/) as [string, string, string, string])
      .map(([name, , , enabled]) => [name, enabled !== '0']),
  );
  const mounts = parseMountinfo(mountinfo);
  const byId = new Map(mounts.map((each) => [each.id, each]));
  const mounted: (Hierarchy & { readonly mounts: string[] })[] = [];
  for (const mount of mounts) {
    if (mount.type !== 'cgroup' && mount.type !== 'cgroup2') continue;
    if (!isVisible(mount, mounts, byId)) continue;
    const version: 1 | 2 = mount.type === 'cgroup' ? 1 : 2;
    const controllers =
      version === 2
        ? controllersOf(mount.target).split(/\s+/).filter(Boolean)
        : mount.superOptions.filter((option) => names.has(option) || option.startsWith('name='));
    const member = memberships.find((each) => each.controllers.includes(version === 2 ? '' : (controllers[0] ?? '')));
    const hierarchy = {
      version,
      controllers,
      mount: mount.target,
      mounts: [mount.target],
      number: member?.number,
      root: mount.root,
      own: member && below(member.path, mount.root),
      readOnly: allOptions(mount)[0] === 'ro',
    } satisfies Hierarchy;
    // A tree that is mounted twice is the same tree, seen where this process is in it: a cgroup namespace leaves the mounts
    // of the host beside those of its own.
    const index = mounted.findIndex(
      (other) => other.version === version && (version === 2 || other.controllers[0] === controllers[0]),
    );
    const same = mounted[index];
    if (!same) mounted.push(hierarchy);
    else if (same.root === mount.root) same.mounts.push(mount.target);
    else if (same.own === undefined && hierarchy.own !== undefined) mounted[index] = hierarchy;
  }
  return { mounted, known };
}

/** The model of the system that this process runs on. */
export const readHierarchies = (world: Reader): Hierarchies =>
  parseHierarchies({
    mountinfo: world.read('/proc/self/mountinfo') ?? '',
    self: world.read('/proc/self/cgroup') ?? '',
    cgroups: world.read('/proc/cgroups') ?? '',
    controllersOf: (mount) => world.read(`${mount}/cgroup.controllers`) ?? '',
  });

/** v1 controllers whose work the v2 tree does under another name (`''`: in every group, without a controller). */
const V2_HOMES: Readonly<Record<string, string>> = {
  cpuacct: '',
  freezer: '',
  devices: '',
  perf_event: '',
  blkio: 'io',
};

/** Where a controller lives. `enable`: what the groups of a v2 tree must be given for it, if anything. */
export interface Home {
  readonly hierarchy: Hierarchy;
  readonly enable?: string;
}

/** The hierarchy of a controller: its v1 mount, else the v2 tree. `''` and `cgroup` mean the v2 tree itself. */
export function findHome({ mounted }: Hierarchies, controller: string): Home | undefined {
  const v1 = mounted.find(({ version, controllers }) => version === 1 && controllers.includes(controller));
  if (v1) return { hierarchy: v1 };
  const v2 = mounted.find(({ version }) => version === 2);
  if (!v2) return undefined;
  if (controller === '' || controller === 'cgroup') return { hierarchy: v2 };
  if (v2.controllers.includes(controller)) return { hierarchy: v2, enable: controller };
  const home = V2_HOMES[controller];
  if (home === undefined || (home && !v2.controllers.includes(home))) return undefined;
  return { hierarchy: v2, enable: home || undefined };
}

/** What `*` means: all v1 controllers, or where there are none, those of the v2 tree. systemd's own tree is not touched. */
export function everyController({ mounted }: Hierarchies): readonly string[] {
  const v1 = mounted.filter(({ version }) => version === 1).flatMap(({ controllers }) => controllers);
  const usable = v1.filter((controller) => controller !== 'name=systemd');
  if (usable.length) return usable;
  const v2 = mounted.find(({ version }) => version === 2);
  return v2 ? (v2.controllers.length ? v2.controllers : ['']) : [];
}

/** Why a controller cannot be found here, and what to do. */
export function whyMissing({ mounted, known }: Hierarchies, controller: string): string {
  if (controller === '' || controller === 'cgroup')
    return 'no cgroup v2 tree is mounted here: mount -t cgroup2 none /sys/fs/cgroup/unified';
  const enabled = known.get(controller);
  if (controller.startsWith('name='))
    return `no hierarchy ${controller} is mounted here: mount -t cgroup -o none,${controller} none DIR`;
  if (enabled === undefined)
    return mounted.length
      ? `this kernel has no controller '${controller}' (/proc/cgroups, cgroup.controllers)`
      : 'no control groups are mounted here: mount -t cgroup2 none /sys/fs/cgroup';
  if (!enabled)
    return `controller '${controller}' is disabled: take cgroup_disable=${controller} off the kernel's command line`;
  return `controller '${controller}' is not mounted: mount -t cgroup -o ${controller} none DIR`;
}
