/** The inheritable, ambient and bounding vectors as one text: `cap_kill,^cap_setuid,!cap_chown`. */
import { bit, capabilityName, capabilityNumber, has } from './names.ts';

export interface Iab {
  readonly inheritable: bigint;
  readonly ambient: bigint;
  /** What the bounding set does not have. */
  readonly blocked: bigint;
}

const WORD = /^([!^%]*)([^!^%]+)$/;

/** Vectors of a text; undefined where it is none. `^` ambient (and inheritable), `!` blocked, `%` or nothing inheritable. */
export function parseIab(text: string): Iab | undefined {
  let [inheritable, ambient, blocked] = [0n, 0n, 0n];
  // As in libcap, marks or a comma at the end stand for nothing.
  const words = text.split(',');
  if (/^[!^%]*$/.test(words.at(-1) ?? '')) words.pop();
  for (const word of words) {
    const [, marks = '', name = ''] = WORD.exec(word) ?? [];
    const number = capabilityNumber(name);
    if (number === undefined) return undefined;
    const one = bit(number);
    if (marks.includes('!')) blocked |= one;
    if (marks.includes('^')) ambient |= one;
    if (marks === '' || /[%^]/.test(marks)) inheritable |= one;
  }
  return { inheritable, ambient, blocked };
}

/** Text of vectors, of the first `count` capabilities. */
export function formatIab({ inheritable, ambient, blocked }: Iab, count: number): string {
  const words: string[] = [];
  for (let capability = 0; capability < count; capability++) {
    const no = has(blocked, capability);
    const mark = has(ambient, capability) ? '^' : has(inheritable, capability) ? (no ? '%' : '') : undefined;
    if (no || mark !== undefined) words.push(`${no ? '!' : ''}${mark ?? ''}${capabilityName(capability)}`);
  }
  return words.join(',');
}
