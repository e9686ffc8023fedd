/** Characters of a cell: what is shown, what is escaped, how wide it is. Pure. */
import { encode } from '@ts/sys';

const hex = (text: string) => Array.from(encode(text), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');

/**
 * What no terminal shows: controls, unassigned and private characters, bytes that are no UTF-8. Not made before it is needed: properties
 * of all of Unicode take a while to look up.
 */
const unprintable = () => /[\p{Cc}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/gu;
const PLAIN = /^[ -[\]-~]*$/;

/**
 * A cell of a table: what cannot be shown is written as \xNN, and so is a backslash that could be taken for one.
 *
 * @param utf8 The locale shows more than ASCII. @param lineEnds Line ends stay as they are.
 */
export function escapeCell(text: string, { utf8, lineEnds = false }: { utf8: boolean; lineEnds?: boolean }): string {
  if (PLAIN.test(text)) return text;
  const hidden = utf8 ? unprintable() : /[^ -~]/gu;
  return text.replace(/\\(?=x)/g, '\0').replace(hidden, (character) => {
    if (character === '\0') return '\\x5c';
    return lineEnds && character === '\n' ? character : hex(character);
  });
}

/** A word of raw output: nothing but visible ASCII, without blanks and backslashes. */
export const escapeRaw = (text: string): string => text.replace(/[^!-[\]-~]/gu, hex);

const isWide = (character: string) =>
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u.test(
    character,
  );
const isNarrower = (character: string) => /[\p{Mn}\p{Me}\p{Cf}]/u.test(character);

function widthOf(character: string): number {
  if (character < '\u007f') return 1;
  return isNarrower(character) ? 0 : isWide(character) ? 2 : 1;
}

/** Cells of a terminal that the text takes. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** As much of the text as fits. */
export function cut(text: string, width: number): string {
  let left = width;
  let kept = '';
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return kept;
}
