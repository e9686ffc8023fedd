/** Secure bits by name. Pure. */
import {
  Failure,
  SECBIT_EXEC_DENY_INTERACTIVE,
  SECBIT_EXEC_DENY_INTERACTIVE_LOCKED,
  SECBIT_EXEC_RESTRICT_FILE,
  SECBIT_EXEC_RESTRICT_FILE_LOCKED,
  SECBIT_KEEP_CAPS,
  SECBIT_KEEP_CAPS_LOCKED,
  SECBIT_NO_CAP_AMBIENT_RAISE,
  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
  SECBIT_NO_SETUID_FIXUP,
  SECBIT_NO_SETUID_FIXUP_LOCKED,
  SECBIT_NOROOT,
  SECBIT_NOROOT_LOCKED,
} from '@ts/sys';

/** All but keep_caps, which an execve clears. */
const NAMES: readonly (readonly [name: string, bit: number])[] = [
  ['noroot', SECBIT_NOROOT],
  ['noroot_locked', SECBIT_NOROOT_LOCKED],
  ['no_setuid_fixup', SECBIT_NO_SETUID_FIXUP],
  ['no_setuid_fixup_locked', SECBIT_NO_SETUID_FIXUP_LOCKED],
  ['keep_caps_locked', SECBIT_KEEP_CAPS_LOCKED],
  ['no_cap_ambient_raise', SECBIT_NO_CAP_AMBIENT_RAISE],
  ['no_cap_ambient_raise_locked', SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED],
  ['exec_restrict_file', SECBIT_EXEC_RESTRICT_FILE],
  ['exec_restrict_file_locked', SECBIT_EXEC_RESTRICT_FILE_LOCKED],
  ['exec_deny_interactive', SECBIT_EXEC_DENY_INTERACTIVE],
  ['exec_deny_interactive_locked', SECBIT_EXEC_DENY_INTERACTIVE_LOCKED],
];

/** Names of bits; what has no name in hexadecimal. */
export function secureBitNames(bits: number): string[] {
  const names = NAMES.filter(([, bit]) => bits & bit).map(([name]) => name);
  const rest = NAMES.reduce((left, [, bit]) => left & ~bit, bits & ~SECBIT_KEEP_CAPS);
  return rest ? [...names, `0x${rest.toString(16)}`] : names;
}

/** The bits after the changes `+noroot,-all`. */
export function changeSecureBits(bits: number, text: string): number {
  let changed = bits;
  for (const word of text.split(',')) {
    const add = word.startsWith('+');
    const name = word.slice(1);
    if (!add && !word.startsWith('-')) throw new Failure('bad securebits string', 1, 'each has + or - before it');
    if (name === 'all' && add) throw new Failure('+all securebits is not allowed');
    if (name === 'keep_caps') throw new Failure('adjusting keep_caps does not make sense');
    const bit = name === 'all' ? ~0 : NAMES.find(([each]) => each === name)?.[1];
    if (bit === undefined)
      throw new Failure('unrecognized securebit', 1, `'${name}' is none of ${NAMES.map(([each]) => each).join(', ')}`);
    changed = add ? changed | bit : changed & ~bit;
  }
  return changed;
}
