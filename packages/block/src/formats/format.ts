/** What a format is to ../probe.ts. */
import type { Source } from '../source.ts';
import { label, uuid } from '../text.ts';

export type Usage = 'filesystem' | 'raid' | 'crypto' | 'other';

/** What a superblock says of what it is the beginning of. */
export interface Found {
  readonly label?: string;
  readonly uuid?: string;
}

export interface Format {
  readonly type: string;
  readonly usage: Usage;
  /** Where one of these stands (Latin 1), `read` is asked; where none are given, always. */
  readonly magics: readonly (readonly [offset: number, bytes: string])[];
  /** Size in bytes below which it is not looked for. */
  readonly minimum?: number;
  /** Others may be found beside it: an image of a disc is often more than one thing. */
  readonly isTolerant?: boolean;
  /** Looks closer. Undefined where it is something else after all. */
  read(source: Source, magic: string): Found | undefined;
}

/** What stands at fixed places. */
export const fieldsAt =
  (labelAt: readonly [offset: number, size: number] | undefined, uuidAt: number | undefined) =>
  (source: Source): Found | undefined => ({
    label: labelAt && label(source.read(...labelAt)),
    uuid: uuidAt === undefined ? undefined : uuid(source.read(uuidAt, 16)),
  });

export const isPowerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;
