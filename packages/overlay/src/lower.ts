/** Lists of lower layers, topmost first, as `lowerdir=` of mount(8) writes them. Pure. */

/** Splits at colons; a backslash takes what follows as it is. */
export const parseLower = (text: string): string[] =>
  (text.match(/(?:\\.|[^:\\]|\\$)+/gs) ?? []).map((path) => path.replace(/\\(.)/gs, '$1'));

/** Splits "A:B::C::D": layers A and B, topmost first, and C and D, of which only data is taken. */
export function parseLayers(text: string): { lowers: string[]; data: string[] } {
  const ends = [...text.matchAll(/\\.|::/gs)].filter(([found]) => found === '::').map(({ index }) => index);
  const [lowers = [], ...data] = [-2, ...ends].map((start, each, all) =>
    parseLower(text.slice(start + 2, all[each + 1])),
  );
  return { lowers, data: data.flat() };
}

/** The same way back. */
export const formatLower = (paths: readonly string[]): string =>
  paths.map((path) => path.replace(/[\\:]/g, '\\$&')).join(':');

/** A path in the comma-separated options of mount(2): the kernel takes away one backslash before each of these. */
export const escapeOption = (path: string): string => path.replace(/[\\:,]/g, '\\$&');
