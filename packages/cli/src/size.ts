/** Sizes in bytes, as people write and read them. Pure. */
import { Failure, parseBytes } from '@ts/sys';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size in bytes as people read it: 12.3 MB. */
export function formatSize(bytes: number): string {
  const unit = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return unit === 0 ? `${bytes} B` : `${(bytes / 1000 ** unit).toFixed(1)} ${UNITS[unit]}`;
}

/** Bytes of "10", "64k", "1.5G" (parseBytes). `noun` as in "failed to parse size". */
export function parseSize(text: string, noun: string): number {
  const bytes = parseBytes(text, BigInt(Number.MAX_SAFE_INTEGER));
  if (bytes === undefined) throw new Failure(`failed to parse ${noun}: '${text}'`);
  return Number(bytes);
}
