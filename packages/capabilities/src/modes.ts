/** Arrangements of secure bits and sets that cap_set_mode(3) names. */
import {
  type CapabilitySets,
  SECBIT_KEEP_CAPS_LOCKED,
  SECBIT_NO_CAP_AMBIENT_RAISE,
  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
  SECBIT_NO_SETUID_FIXUP,
  SECBIT_NO_SETUID_FIXUP_LOCKED,
  SECBIT_NOROOT,
  SECBIT_NOROOT_LOCKED,
} from '@ts/sys';

export const MODES = { UNCERTAIN: 0, NOPRIV: 1, PURE1E_INIT: 2, PURE1E: 3, HYBRID: 4 } as const;
export type Mode = keyof typeof MODES;

/** Modes that can be asked for. */
export const SETTABLE_MODES = ['NOPRIV', 'PURE1E_INIT', 'PURE1E', 'HYBRID'] as const satisfies readonly Mode[];

/** Secure bits without the rights of user 0: all on and locked, keep-caps locked off. */
export const SECUREBITS_PURE =
  SECBIT_NOROOT |
  SECBIT_NOROOT_LOCKED |
  SECBIT_NO_SETUID_FIXUP |
  SECBIT_NO_SETUID_FIXUP_LOCKED |
  SECBIT_KEEP_CAPS_LOCKED |
  SECBIT_NO_CAP_AMBIENT_RAISE |
  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

export interface Prevailing {
  readonly sets: CapabilitySets;
  readonly ambient: bigint;
  readonly bounding: bigint;
  readonly securebits: number;
}

/** The mode that a state is. */
export function guessMode({ sets, ambient, bounding, securebits }: Prevailing): Mode {
  if (securebits === 0) return 'HYBRID';
  if (securebits !== SECUREBITS_PURE || ambient !== 0n) return 'UNCERTAIN';
  if (sets.permitted || sets.inheritable || bounding) return sets.inheritable ? 'PURE1E' : 'PURE1E_INIT';
  return 'NOPRIV';
}
