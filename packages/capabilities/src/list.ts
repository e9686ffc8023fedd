/** Plain lists of capabilities: `cap_net_raw,cap_setuid`, and masks as /proc/PID/status shows them. */
import { Failure } from '@ts/sys';
import { capabilityName, capabilityNumber, firstCapabilities, members, SET_SIZE } from './names.ts';

/** A word of a list that names no capability. */
export class UnknownCapability extends Failure {
  constructor(readonly word: string) {
    super(`unknown capability: ${word}`);
  }
}

/** The capabilities of a list, in its order. Empty words are passed over. `all` alone: the first `count`. */
export function parseCapabilityList(text: string, count: number): number[] {
  if (text.toLowerCase() === 'all') return members(firstCapabilities(count));
  return text
    .split(',')
    .filter(Boolean)
    .map((word) => {
      const number = capabilityNumber(word);
      if (number === undefined) throw new UnknownCapability(word);
      return number;
    });
}

/** `cap_chown,cap_kill`; capabilities without a name are numbers. */
export const formatCapabilityList = (set: bigint): string => members(set).map(capabilityName).join(',');

const ALL = firstCapabilities(SET_SIZE);

/** The set that a hexadecimal text means to strtoull(3): what stands behind the digits is passed over, too large is all. */
export function parseMask(text: string): bigint {
  const [, sign = '', digits] = /^\s*([+-]?)(?:0x)?([\da-f]+)/i.exec(text) ?? [];
  if (digits === undefined) return 0n;
  const mask = BigInt(`0x${digits}`);
  if (mask > ALL) return ALL;
  return sign === '-' ? BigInt.asUintN(SET_SIZE, -mask) : mask;
}

/** `0x0000000000000003=cap_chown,cap_dac_override` */
export const describeMask = (mask: bigint): string =>
  `0x${mask.toString(16).padStart(16, '0')}=${formatCapabilityList(mask)}`;
