/** Profiles in the public form of container engines (the OCI runtime's, with `includes`, `excludes` and `archMap`). */
import type { Action } from './action.ts';
import type { Condition } from './policy.ts';

/** When a rule counts. */
export interface Guard {
  /** Numbers of capabilities. */
  readonly caps?: readonly number[];
  /** Short names of architectures: `amd64`. */
  readonly arches?: readonly string[];
  readonly minKernel?: KernelVersion;
}

export type KernelVersion = readonly [major: number, minor: number];

export interface Rule {
  readonly names: readonly string[];
  readonly action: Action;
  readonly conditions?: readonly Condition[];
  /** The rule counts only where all of this is so. */
  readonly includes?: Guard;
  /** The rule does not count where any of this is so. */
  readonly excludes?: Guard;
}

export interface Profile {
  readonly defaultAction: Action;
  /** SCMP_ARCH_*; the machine's own where there is neither this nor `archMap`. */
  readonly architectures?: readonly string[];
  /** The row of the machine's own architecture counts. */
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[];
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags?: number;
  /** Names of all calls that its author knew: where others get an error, those that are newer get ENOSYS. */
  readonly knows?: readonly string[];
  readonly rules: readonly Rule[];
}
