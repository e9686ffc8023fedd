/** Sets of the calling thread that are read one capability at a time. */
import type { LiveSys } from '@ts/sys';
import { bit } from './names.ts';

const collect = (count: number, isIn: (capability: number) => boolean): bigint => {
  let set = 0n;
  for (let capability = 0; capability < count; capability++) if (isIn(capability)) set |= bit(capability);
  return set;
};

/** The bounding set. @param count Number of capabilities of the kernel. */
export const boundingSet = (sys: LiveSys, count: number): bigint => collect(count, (each) => sys.hasBounding(each));

/** The ambient set. */
export const ambientSet = (sys: LiveSys, count: number): bigint => collect(count, (each) => sys.hasAmbient(each));
