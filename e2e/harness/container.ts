/** What recipe A1 needs: a root file system of the host's programs, and control groups with its limits. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OwnGroup } from './cgroups.ts';
import { bin, run, temporaryFolder } from './run.ts';

const LIMITS = ['memory.limit_in_bytes=10000000', 'cpu.cfs_period_us=1000000', 'cpu.cfs_quota_us=300000'];

/** The limits of recipe C1, 30 % of a CPU and 10 MB, made by our tools. Removed at the end of the scope, its processes with it. */
export function containerGroups(): OwnGroup {
  const group = new OwnGroup();
  const tool = (...argv: string[]) => {
    const { status, stderr } = run(argv);
    if (status === 0) return;
    group[Symbol.dispose]();
    throw new Error(stderr);
  };
  tool('ts-cgcreate', '-g', `cpu,memory:${group.name}`);
  for (const limit of LIMITS) tool('ts-cgset', '-r', limit, group.name);
  return group;
}

/** A root file system that is removed at the end of the scope. */
export function containerRoot(): { readonly path: string } & Disposable {
  const folder = temporaryFolder();
  const path = join(folder.path, 'rootfs');
  execFileSync(join(bin, 'ts-rootfs'), [path]);
  writeFileSync(join(path, 'dev/null'), ''); // what the host's is mounted on
  return { path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}
