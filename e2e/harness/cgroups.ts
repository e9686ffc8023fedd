/** Control groups of a test's own, and what the kernel says of them. */
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forget, remember } from './leftovers.ts';
import { uniqueName } from './run.ts';

interface Tree {
  readonly mount: string;
  readonly controllers: readonly string[];
}

/** Every hierarchy that is mounted. */
export const trees = (): Tree[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => ({
      mount: line.split(' ')[4] as string,
      controllers: (line.split(' ').at(-1) as string).split(','),
    }));

/** Where a v1 controller is mounted. */
export function mountOf(controller: string): string {
  const tree = trees().find(({ controllers }) => controllers.includes(controller));
  if (!tree) throw new Error(`${controller} is not mounted`);
  return tree.mount;
}

const lines = (path: string) => readFileSync(path, 'utf8').split('\n').filter(Boolean);

/** The processes of a threaded group are those of the group above it, and cannot be read here. */
const processesOf = (directory: string) =>
  existsSync(join(directory, 'cgroup.type')) && lines(join(directory, 'cgroup.type'))[0] === 'threaded'
    ? []
    : lines(join(directory, 'cgroup.procs'));

/** Removes a group, what is below it and, since only tests put any there, its processes. */
function remove(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) remove(join(directory, entry.name));
  for (let round = 0; round < 200; round++) {
    for (const pid of processesOf(directory)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {} // it has ended meanwhile
    }
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
  throw new Error(`${directory} cannot be removed`);
}

/** A name for groups. All groups of that name are removed when the test's scope ends: `using group = ownGroup()`. */
export class OwnGroup implements Disposable {
  readonly name = uniqueName('ts-e2e');

  constructor() {
    remember(this);
  }

  /** Directory of the group, or of one below it, in a controller's hierarchy. */
  directory(controller: string, below = ''): string {
    return join(mountOf(controller), this.name, below);
  }

  read(controller: string, file: string, below = ''): string {
    return readFileSync(join(this.directory(controller, below), file), 'utf8').trimEnd();
  }

  /** Controllers' mounts that have the group now. */
  places(): string[] {
    return trees()
      .map(({ mount }) => join(mount, this.name))
      .filter((directory) => existsSync(directory));
  }

  [Symbol.dispose](): void {
    forget(this);
    for (const directory of this.places()) {
      if (existsSync(join(directory, 'freezer.state'))) writeFileSync(join(directory, 'freezer.state'), 'THAWED');
      remove(directory);
    }
  }
}

/** Path in each hierarchy, by controllers, of a process or of a text like its cgroup file. */
export const membership = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/:(.*):/).slice(1) as [string, string]),
  );

/** Where the v2 tree is mounted. */
const v2Mount = () => /^\d+ \d+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];

/** The v2 tree, with what its top hands down as it was when the test's scope ends: `using tree = v2Tree()`. */
export function v2Tree(): { readonly mount: string } & Disposable {
  const mount = v2Mount() ?? '';
  const control = join(mount, 'cgroup.subtree_control');
  const words = () => readFileSync(control, 'utf8').split(/\s+/).filter(Boolean);
  const before = words();
  return {
    mount,
    [Symbol.dispose]() {
      for (const controller of words()) if (!before.includes(controller)) writeFileSync(control, `-${controller}`);
    },
  };
}

/** A controller that the mounted v2 tree has. */
export const needsV2 = (controller: string) => (): string | undefined => {
  const mount = v2Mount();
  const has =
    mount !== undefined && readFileSync(join(mount, 'cgroup.controllers'), 'utf8').split(/\s+/).includes(controller);
  return has ? undefined : `no cgroup v2 tree with controller ${controller}`;
};
