/** Sizes in bytes, as people write and read them. Pure. */
import { ToolError } from './errors.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size in bytes as people read it: 12.3 MB. */
export function formatSize(bytes: number): string {
  const unit = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return unit === 0 ? `${bytes} B` : `${(bytes / 1000 ** unit).toFixed(1)} ${UNITS[unit]}`;
}

const FACTORS = ['', 'k', 'm', 'g', 't'];

/** Bytes of "10", "64k", "1.5G": the letters are powers of 1024. `noun` as in "failed to parse size". */
export function parseSize(text: string, noun: string): number {
  const [, number, letter = ''] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * 1024 ** FACTORS.indexOf(letter.toLowerCase()));
  if (!Number.isSafeInteger(bytes)) throw new ToolError(`failed to parse ${noun}: '${text}'`);
  return bytes;
}
