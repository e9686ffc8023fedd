import type { Caller } from '../caller.ts';
import { LANDLOCK_CREATE_RULESET_ERRATA, LANDLOCK_CREATE_RULESET_VERSION } from '../const/landlock.ts';
import type { Int } from '../operand.ts';
import { encodeStruct } from '../struct.ts';

/** Version of the kernel's Landlock, as landlock_create_ruleset(2); negated errno where it has none: ENOSYS, EOPNOTSUPP (switched off). */
export const landlockVersion = (sys: Caller): number =>
  sys.look('landlock_create_ruleset', null, 0, LANDLOCK_CREATE_RULESET_VERSION);

/** Corrections of that version: bit n-1 is correction n. EINVAL before Linux 6.15. */
export const landlockErrata = (sys: Caller): number =>
  sys.look('landlock_create_ruleset', null, 0, LANDLOCK_CREATE_RULESET_ERRATA);

const RULESET = { handled_access_fs: 'u64', handled_access_net: 'u64', scoped: 'u64' } as const;

/**
 * A descriptor of a set of rules, as landlock_create_ruleset(2). What is handled is refused but for what rules allow.
 *
 * @param handled LANDLOCK_ACCESS_FS_*, LANDLOCK_ACCESS_NET_*, LANDLOCK_SCOPE_*. EINVAL for what the kernel does not know.
 */
export const landlock_create_ruleset = (sys: Caller, handled: { fs: number; net: number; scoped: number }) => {
  const attributes = encodeStruct(RULESET, {
    handled_access_fs: handled.fs,
    handled_access_net: handled.net,
    scoped: handled.scoped,
  });
  return sys.do('landlock_create_ruleset', attributes, attributes.length, 0);
};

/** Adds a rule (LANDLOCK_RULE_*) in the structure of its type, as landlock_add_rule(2). EINVAL for a right that is not handled. */
export const landlock_add_rule = (sys: Caller, ruleset: Int, type: number, attributes: Uint8Array) =>
  sys.do('landlock_add_rule', ruleset, type, attributes, 0);

/** Puts the calling thread under a set of rules for good, as landlock_restrict_self(2). EPERM without no_new_privs or CAP_SYS_ADMIN, E2BIG at 16 layers. */
export const landlock_restrict_self = (sys: Caller, ruleset: Int, flags = 0) =>
  sys.do('landlock_restrict_self', ruleset, flags);
