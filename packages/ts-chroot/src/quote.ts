/** How coreutils puts words of the user into messages. */
import type { World } from '@ts/cli';

const isUtf8 = (world: World) =>
  /utf-?8/i.test(['LC_ALL', 'LC_CTYPE', 'LANG'].map((name) => world.variable(name)).find(Boolean) ?? '');

export const quote = {
  /** A word in the quotation marks of the locale. */
  words: (text: string, world: World): string => (isUtf8(world) ? `‘${text}’` : `'${text}'`),
  /** A word that can be given to a shell as it stands. */
  shell: (text: string): string =>
    text.includes("'") && !/["$`\\!]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`,
};
