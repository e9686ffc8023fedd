/** The system calls of a restriction. */
import {
  encodeStruct,
  type Int,
  LANDLOCK_RULE_NET_PORT,
  LANDLOCK_RULE_PATH_BENEATH,
  type LiveSys,
  O_PATH,
  type Sys,
} from '@ts/sys';
import type { Restriction, Rule } from './request.ts';

const PORT = { allowed_access: 'u64', port: 'u64' } as const;

/** struct landlock_path_beneath_attr is packed: u64 allowed_access, s32 parent_fd. */
const PARENT_FD = 8;

function pathAttributes(sys: Sys, rights: number, fd: Int): Buffer {
  const attributes = Buffer.alloc(12);
  attributes.writeBigUInt64LE(BigInt(rights));
  sys.fill(attributes, PARENT_FD, fd, 4);
  return attributes;
}

export interface OpenRule {
  readonly rule: Rule;
  /** Of the path. */
  readonly fd?: Int;
}

/** Opens the paths of the rules: to be done while the caller may still do so, before anything else changes. */
export function openRules(sys: Sys, rules: readonly Rule[]): OpenRule[] {
  return rules.map((rule) =>
    rule.kind === 'path'
      ? { rule, fd: sys.or(`could not open file for Landlock: ${rule.path}`).open(rule.path, O_PATH) as Int }
      : { rule },
  );
}

/**
 * Puts the caller under the restriction for good, with no_new_privs.
 *
 * @param flags LANDLOCK_RESTRICT_SELF_*. @param status Exit status of failures.
 */
export function restrict(
  sys: Sys,
  restriction: Restriction,
  rules: readonly OpenRule[],
  flags: number,
  status: number,
): void {
  const { fs, net, scope } = restriction;
  const ruleset = sys
    .or('landlock_create_ruleset failed', { status })
    .landlock_create_ruleset({ fs, net, scoped: scope }) as Int;
  for (const { rule, fd } of rules) {
    const adding = sys.or('adding Landlock rule failed', { status });
    if (rule.kind === 'port')
      adding.landlock_add_rule(
        ruleset,
        LANDLOCK_RULE_NET_PORT,
        encodeStruct(PORT, { allowed_access: rule.rights, port: rule.port }),
      );
    else
      adding
        .explaining(`landlock-rule ${rule.path}`)
        .landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, pathAttributes(sys, rule.rights, fd as Int));
    if (fd !== undefined) sys.ignoring().close(fd);
  }
  sys.or('disallow granting new privileges for Landlock failed', { status }).setNoNewPrivs();
  sys.or('landlock_restrict_self failed', { status }).landlock_restrict_self(ruleset, flags);
  sys.ignoring().close(ruleset);
}

/** Version of the kernel's Landlock; negated errno where it has none. */
export const versionOf = (sys: LiveSys): number => sys.ignoring().landlockVersion();

/** Numbers of the corrections that the kernel has. */
export function errataOf(sys: LiveSys): number[] {
  const bits = sys.ignoring().landlockErrata();
  return Array.from({ length: 31 }, (_, index) => index + 1).filter((number) => bits > 0 && bits & (1 << (number - 1)));
}
