/** How coreutils puts words of the user into messages. */
import { isUtf8, type World } from '@ts/cli';

export const quote = {
  /** A word in the quotation marks of the locale. */
  words: (text: string, world: World): string => (isUtf8(world) ? `‘${text}’` : `'${text}'`),
  /** A word that can be given to a shell as it stands. */
  shell: (text: string): string =>
    text.includes("'") && !/["$`\\!]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`,
};
