import { expect, test } from 'vitest';
import { Journal } from './journal.ts';

test('the last first, each once, whatever fails', () => {
  const journal = new Journal<(log: string[]) => void>();
  const log: string[] = [];
  journal.add((to) => to.push('first'));
  journal.add(() => {
    throw new TypeError('not foreseen');
  });
  journal.add(undefined);
  journal.add((to) => to.push('last'));
  expect(journal.run(log)).toEqual([new TypeError('not foreseen')]);
  expect(log).toEqual(['last', 'first']);
  expect(journal.run(log)).toEqual([]);
  expect(log).toHaveLength(2);
});

test('what was done for good is forgotten', () => {
  const journal = new Journal();
  const log: string[] = [];
  journal.add(() => log.push('kept'));
  const before = journal.length;
  journal.add(() => log.push('dropped'));
  journal.keep(before);
  journal.run();
  expect(log).toEqual(['kept']);
});
