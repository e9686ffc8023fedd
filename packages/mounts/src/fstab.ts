/** /etc/fstab, fstab(5). Pure. */
import { unescapeOctal } from './mountinfo.ts';

export interface FstabEntry {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

/** Its lines; comments, empty lines and lines without a mount point are left out. */
export function parseFstab(text: string): FstabEntry[] {
  return text.split('\n').flatMap((line) => {
    const [source, target, type = 'auto', options = 'defaults'] = line
      .replace(/^[ \t]+|[ \t\r]+$/g, '')
      .split(/[ \t]+/)
      .map(unescapeOctal);
    return !source || source.startsWith('#') || target === undefined ? [] : [{ source, target, type, options }];
  });
}

/** Without the slashes at its end. */
const trimmed = (path: string) => path.replace(/(?<=.)\/+$/, '');

/** The entry of a mount point or, failing that, of a source. */
export const findInFstab = (entries: readonly FstabEntry[], place: string): FstabEntry | undefined =>
  entries.find(({ target }) => trimmed(target) === trimmed(place)) ?? entries.find(({ source }) => source === place);
