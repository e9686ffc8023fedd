/** Changes of a set as setpriv(1) writes them: `+net_raw,-all,+cap_5`. Pure. */
import { Failure, parseDecimal } from '@ts/sys';
import { bit, CAPABILITY_NAMES, firstCapabilities, members, nearestCapability } from './names.ts';

export interface Change {
  readonly add: boolean;
  /** The capability; undefined for all of them. */
  readonly capability: number | undefined;
}

/** A text that is no list of changes; the message is a line for the user. */
export class DeltaError extends Failure {
  constructor(message: string, remedy?: string) {
    super(message, 1, remedy);
  }
}

/** Number of a capability by its name without "cap_", or as cap_N below `count`. */
function numberOf(name: string, count: number): number {
  const index = (CAPABILITY_NAMES as readonly string[]).indexOf(`cap_${name.toLowerCase()}`);
  const number = index < 0 ? parseDecimal(/^cap_(\d+)$/.exec(name)?.[1] ?? '') : index;
  if (number !== undefined && number < count) return number;
  const near = nearestCapability(name)?.slice('cap_'.length);
  throw new DeltaError(`unknown capability "${name}"`, near && `did you mean '${near}'?`);
}

/** The changes of a list, in its order. @param count Number of capabilities of the kernel. */
export function parseDelta(text: string, count: number): Change[] {
  return text.split(',').map((word) => {
    const name = word.slice(1);
    if (word[0] !== '+' && word[0] !== '-')
      throw new DeltaError('bad capability string', 'each capability has + or - before it, as in +net_raw,-kill');
    return { add: word[0] === '+', capability: name === 'all' ? undefined : numberOf(name, count) };
  });
}

/** The set after the changes. */
export const applyDelta = (set: bigint, changes: readonly Change[], count: number): bigint =>
  changes.reduce((result, { add, capability }) => {
    const changed = capability === undefined ? firstCapabilities(count) : bit(capability);
    return add ? result | changed : result & ~changed;
  }, set);

/** `net_raw,kill` as setpriv(1) lists a set; capabilities without a name as cap_N. */
export const shortNames = (set: bigint): string[] =>
  members(set).map((capability) => CAPABILITY_NAMES[capability]?.slice('cap_'.length) ?? `cap_${capability}`);
