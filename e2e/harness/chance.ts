/** Choices by chance: the same seed makes the same ones. */

/** Numbers from 0 up to 1, xorshift of 32 bits. */
export function* numbers(seed: number): Generator<number, never> {
  let state = (seed * 2654435761 + 1) >>> 0;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    yield state / 2 ** 32;
  }
}

export interface Chance {
  below(most: number): number;
  one<T>(list: readonly T[]): T;
  /** Some of them in any order, one at least. */
  few<T>(most: number, list: readonly T[]): T[];
}

export function chance(seed: number): Chance {
  const source = numbers(seed);
  const below = (most: number) => Math.floor((source.next().value as number) * most);
  return {
    below,
    one: (list) => list[below(list.length)] as (typeof list)[number],
    few: (most, list) => {
      const left = [...list];
      return Array.from({ length: Math.min(left.length, 1 + below(most)) }, () =>
        left.splice(below(left.length), 1),
      ).flat();
    },
  };
}
