import { parse, type World } from '@ts/cli';
import { expect, test } from 'vitest';
import { tool } from './getpcaps.ts';

const planned = (...words: string[]) => tool.plan(parse(tool.options, words, tool.grammar), {} as World);

test('an option holds for the processes behind it, and vectors from there on', () => {
  expect(planned('1', '--verbose', '2', '--legacy', '3', '--iab', '4', '--verbose', '5').processes).toEqual([
    { word: '1', form: 'plain', vectors: false },
    { word: '2', form: 'verbose', vectors: false },
    { word: '3', form: 'legacy', vectors: false },
    { word: '4', form: 'legacy', vectors: true },
    { word: '5', form: 'verbose', vectors: true },
  ]);
});

test('a word that is no option is a process, as far as it can be', () => {
  expect(planned('--foo', '-1', '').processes.map(({ word }) => word)).toEqual(['--foo', '-1', '']);
  expect(planned('--json', '1').json).toBe(true);
});

test('at least one process', () => expect(() => planned('--iab')).toThrow('no process is named'));
