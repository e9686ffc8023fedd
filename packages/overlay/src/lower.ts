/** Lists of lower layers, topmost first, as `lowerdir=` of mount(8) writes them. Pure. */

/** Splits at colons; a backslash takes what follows as it is. */
export const parseLower = (text: string): string[] =>
  (text.match(/(?:\\.|[^:\\]|\\$)+/gs) ?? []).map((path) => path.replace(/\\(.)/gs, '$1'));

/** The same way back. */
export const formatLower = (paths: readonly string[]): string =>
  paths.map((path) => path.replace(/[\\:]/g, '\\$&')).join(':');

/** A path in the comma-separated options of mount(2): the kernel takes away one backslash before each of these. */
export const escapeOption = (path: string): string => path.replace(/[\\:,]/g, '\\$&');
