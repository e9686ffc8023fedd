/** What recipe A1 needs: a root file system of the host's programs, and control groups with its limits. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, run, temporaryFolder, uniqueName } from './run.ts';

/** Mount point of a v1 controller, or the v2 tree. */
function mountOf(controller: string): string {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((mount) => mount.includes(' - cgroup ') && (mount.split(' ').at(-1) ?? '').split(',').includes(controller));
  if (!line) throw new Error(`no v1 controller ${controller}`);
  return line.split(' ')[4] as string;
}

export interface Groups extends Disposable {
  readonly id: string;
  /** Text of a file of the group. */
  read(controller: string, file: string): string;
}

/** The limits of recipe C1: 30 % of a CPU, 10 MB. Removed at the end of the scope, its processes with it. */
export function containerGroups({ tools = 'ts-' }: { tools?: string } = {}): Groups {
  const id = uniqueName('ts-a1');
  const controllers = 'cpu,memory';
  const tool = (...argv: [string, ...string[]]) => {
    const [name, ...rest] = argv;
    const { status, stderr } = run([`${tools}${name}`, ...rest]);
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
  };
  tool('cgcreate', '-g', `${controllers}:${id}`);
  const settings = ['memory.limit_in_bytes=10000000', 'cpu.cfs_period_us=1000000', 'cpu.cfs_quota_us=300000'];
  for (const setting of settings) tool('cgset', '-r', setting, id);
  const file = (controller: string, name: string) => join(mountOf(controller), id, name);
  return {
    id,
    read: (controller, name) => readFileSync(file(controller, name), 'utf8'),
    [Symbol.dispose]: () => {
      for (const pid of readFileSync(file('cpu', 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {
          // it has ended meanwhile
        }
      }
      // The last process leaves the group a moment after it has ended.
      for (let attempt = 0; ; attempt++) {
        const { status, stderr } = run(
          ['rmdir', join(mountOf('cpu'), id), join(mountOf('memory'), id)].filter(Boolean),
        );
        if (status === 0 || !stderr.includes('busy')) return;
        if (attempt > 50) throw new Error(stderr);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      }
    },
  };
}

/** A root file system that is removed at the end of the scope. */
export function containerRoot(): { readonly path: string } & Disposable {
  const folder = temporaryFolder();
  const path = join(folder.path, 'rootfs');
  execFileSync(join(bin, 'ts-rootfs'), [path]);
  writeFileSync(join(path, 'dev/null'), ''); // what the host's is mounted on
  return { path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}
