import { describe, expect, test } from 'vitest';
import { FEATURES, found, TURNS, turns } from '../testing/language.ts';

describe('the language, in Node', () => {
  test('gives what the list says', () => {
    expect(FEATURES.map((each) => `${each.name}: ${found(each)}`)).toEqual(
      FEATURES.map(({ name, gives }) => `${name}: ${gives}`),
    );
  });

  test('names each row otherwise', () => {
    const names = FEATURES.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  });

  test('takes turns as the list says', async () => {
    expect(await turns()).toBe(TURNS);
  });
});
