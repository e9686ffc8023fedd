/** Where the demo plays: a folder of its own, names of its own, and what this machine has. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { workspaceRoot } from '../workspace.ts';

export const bin = join(workspaceRoot, 'dist/bin');

/** A folder in which programs may be executed: some hosts forbid it in /tmp. */
function executableFolder(): string {
  const places = [tmpdir(), '/var/tmp', join(workspaceRoot, 'dist')];
  for (const place of places) {
    let folder: string;
    try {
      folder = mkdtempSync(join(place, 'ts-demo-'));
    } catch {
      continue; // another place may be writable
    }
    const probe = join(folder, 'probe');
    writeFileSync(probe, '#!/bin/sh\n', { mode: 0o755 });
    const { status } = spawnSync(probe, { stdio: 'ignore' });
    rmSync(probe);
    if (status === 0) return folder;
    rmSync(folder, { recursive: true });
  }
  throw new Error(`no folder for the demo: tried ${places.join(', ')}`);
}

export interface Setting {
  readonly folder: string;
  /** Our tools under the originals' names. */
  readonly compat: string;
  readonly rootfs: string;
  /** Name of the control group, and host name inside. */
  readonly id: string;
  readonly environment: NodeJS.ProcessEnv;
}

export function makeSetting(): Setting {
  const folder = executableFolder();
  const compat = join(folder, 'compat');
  const rootfs = join(folder, 'rootfs');
  const id = `ts-demo-${process.pid}`;
  const path = [compat, bin, process.env.PATH, '/usr/sbin:/usr/bin:/sbin:/bin'].filter(Boolean).join(delimiter);
  return {
    folder,
    compat,
    rootfs,
    id,
    environment: { ...process.env, PATH: path, LC_ALL: 'C', ROOTFS: rootfs, ID: id },
  };
}

/** Why there can be no control groups with these limits; undefined where there can. */
export function whyNoGroups(): string | undefined {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const controllers = mounts.flatMap((line) => {
    const [, type, , options = ''] = / - (\S+) (\S+) (\S+)/.exec(line) ?? [];
    if (type === 'cgroup') return options.split(',');
    const root = line.split(' ')[4] ?? '';
    const file = join(root, 'cgroup.controllers');
    return type === 'cgroup2' && existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
  });
  const missing = ['cpu', 'memory'].filter((controller) => !controllers.includes(controller));
  if (missing.length) return `this machine has no ${missing.join(' and ')} controller`;
  return process.getuid?.() === 0 ? undefined : 'making control groups needs root';
}

export const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
