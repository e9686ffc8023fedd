/** Reasons for which a test cannot run here. They are printed and counted; on a root machine with a current kernel there are none. */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { TestContext } from 'vitest';
import { isRoot, original, run, standalone } from './run.ts';

type Check = () => string | undefined;

export const needsRoot: Check = () => (isRoot ? undefined : 'needs root');

export const needsProgram =
  (...names: string[]): Check =>
  () => {
    const missing = names.filter((name) => !original(name));
    return missing.length ? `not installed: ${missing.join(', ')}` : undefined;
  };

/** What the stand-alone executable does not do, and why. */
export const needsNode =
  (reason: string): Check =>
  () =>
    standalone ? `not of the stand-alone executable: ${reason}` : undefined;
const version = (text: string) => {
  const [major = 0, minor = 0] = text.split('.').map((part) => Number.parseInt(part, 10));
  return major * 1000 + minor;
};

/** A kernel of at least this version: "6.3". */
export const needsKernel =
  (least: string): Check =>
  () =>
    version(release()) >= version(least) ? undefined : `needs Linux ${least}`;

/** A v1 controller that is mounted here. */
export const needsController =
  (...names: string[]): Check =>
  () => {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(' - cgroup '));
    const missing = names.filter(
      (name) => !mounts.some((line) => (line.split(' ').at(-1) ?? '').split(',').includes(name)),
    );
    return missing.length ? `no cgroup controller ${missing.join(', ')}` : undefined;
  };

let landlock: number | undefined;

/** A kernel whose Landlock has at least this version. */
export const needsLandlock =
  (version: number): Check =>
  () => {
    if (landlock === undefined) {
      const { status, stdout } = run(['ts-setpriv', '--landlock-support', '--json']);
      landlock = status === 0 ? (JSON.parse(stdout) as { abi: number }).abi : 0;
    }
    return landlock >= version ? undefined : `no Landlock ${version}: the kernel has ${landlock || 'none'}`;
  };

/** A security module that decides here. */
export const needsModule =
  (name: 'SELinux' | 'AppArmor'): Check =>
  () =>
    existsSync(name === 'SELinux' ? '/sys/fs/selinux/enforce' : '/sys/kernel/security/apparmor/profiles')
      ? undefined
      : `${name} does not run here`;

/** Skips the test with the first reason there is. */
export function needs(context: TestContext, ...checks: Check[]): void {
  for (const check of checks) {
    const reason = check();
    if (reason) context.skip(reason);
  }
}
