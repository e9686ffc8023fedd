/** What kinds of tunnels have in common. */
import type { Attribute, Read, State } from '../rows.ts';
import { garbage } from '../words.ts';

/** Notes that a key word was there; each is allowed once. */
export function once({ seen }: { readonly seen: Set<string> }, key: string, text: string, shown = key): void {
  if (seen.has(key)) throw garbage(shown, text);
  seen.add(key);
}

/** Reads the argument of a key word that may be there once. */
export const onceRead =
  <T>(key: string, read: (text: string, state: State) => T): Read<T> =>
  (words, _, state) => {
    const text = words.argument();
    once(state, key, text);
    return read(text, state);
  };

/** `proxy`, `noproxy`: 1 and 0, either of them once. */
export const pair = (word: string, usage: string | undefined = `[no]${word}`): Attribute<number>['words'] =>
  [word, `no${word}`].map((names, index) => ({
    names,
    take: (_, given, state) => {
      once(state, word, given, given);
      return index ? 0 : 1;
    },
    usage: index ? undefined : usage,
  }));
