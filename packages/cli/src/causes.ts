/**
 * Why a system call failed: each cause with a probe that reads it before it is named.
 *
 * A failure is explained afterwards, in its own process and state; a run that succeeds pays nothing.
 */
import type * as sys from '@ts/sys';
import type { World } from './world.ts';

export type Cause = sys.Cause<World>;

/** Errors of a seccomp filter and of a security module: such a refusal looks like one of the kernel's own. */
const REFUSALS = ['EPERM', 'EACCES', 'ENOSYS'];

/** Who else may be refusing what this process asks for; undefined where nobody is. seccomp(2), /proc/self/attr/current. */
export function confinement(world: World): string | undefined {
  if (/^Seccomp:\s*2$/m.test(world.read('/proc/self/status') ?? ''))
    return 'a seccomp filter is in force for this process, and may be what refuses this';
  const label = (world.read('/proc/self/attr/current') ?? '').replace(/[\0\n]+$/, '');
  if (/ \((enforce|kill|user|prompt|mixed)\)$/.test(label))
    return `AppArmor confines this process (${label}), and may be what refuses this`;
  const isEnforcing = world.read('/sys/fs/selinux/enforce')?.trim() === '1';
  return isEnforcing && /^[^:]+:[^:]+:(?!unconfined_)/.test(label)
    ? `SELinux confines this process (${label}), and may be what refuses this`
    : undefined;
}

/** First cause that a probe confirms. Where somebody else may be refusing, nothing else is claimed. */
export function explain(causes: readonly Cause[], subject: string, error: string, world: World): string | undefined {
  const [of, ...words] = subject.split(' ');
  const applies = causes.some((cause) => cause.of === of);
  const other = applies && REFUSALS.includes(error) ? confinement(world) : undefined;
  if (other !== undefined) return other;
  for (const cause of causes) {
    if (cause.of !== of || !cause.errors.includes(error)) continue;
    const line = cause.probe(words, world);
    if (line) return line;
  }
  return undefined;
}
