import type { Failure } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { linesOf, wordsOf } from './batch.ts';
import { OBJECTS, OURS } from './commands.ts';
import { Digits, formatJson, type Json } from './json.ts';
import { options, settingsOf, split } from './settings.ts';
import { connectionFrom } from './verbs/connect.ts';
import { isNamed, parseNumber, takeAll, Words } from './words.ts';

test('abbreviations mean the first object that they fit', () => {
  const object = (word: string) => OBJECTS.find(({ names }) => isNamed(names, word))?.names.split('~')[0];
  expect(['a', 'r', 'l', 'n', 'ne', 'net', 'netn', 't', 'tu', 'tunt', 'nei'].map(object)).toEqual([
    ...['address', 'route', 'link', 'neighbor', 'neighbor', 'netns', 'netns', 'tunnel', 'tunnel', 'tuntap', 'neighbor'],
  ]);
  expect(OURS.some(([names]) => isNamed(names, 'connect'))).toBe(true);
});

describe('options before the object', () => {
  const of = (...argv: string[]) => {
    const { steps, operands } = split(options, argv);
    return { settings: settingsOf(steps), operands };
  };
  test('abbreviated, with one hyphen or two, up to the first word', () => {
    const { settings, operands } = of('-br', '--json', '-p', '-s', '-s', '-d', '-o', '-4', '-n', 'x', 'a', '-x');
    expect(settings).toMatchObject({
      brief: true,
      json: true,
      pretty: true,
      statistics: 2,
      details: 1,
      oneline: true,
      family: 2,
      namespace: 'x',
    });
    expect(operands).toEqual(['a', '-x']);
  });
  test('-b is the batch, -br is brief, -a is all', () => {
    expect(of('-b', 'file').settings.batch).toBe('file');
    expect(of('-a', '-force').settings).toMatchObject({ all: true, force: true });
  });
  test('what is none', () => {
    expect(() => of('-x')).toThrow('Option "-x" is unknown, try "ip -help".');
    expect(() => of('-f', 'nosuch')).toThrow('invalid protocol family');
    expect(() => of('-n')).toThrow('Command line is not complete');
  });
});

test('key words in rows: exact ones, abbreviated ones, and what is none', () => {
  const state = { seen: [] as string[] };
  const take = (name: string) => (each: typeof state, words: Words) => {
    each.seen.push(`${name}=${words.argument()}`);
  };
  takeAll(
    [
      ['mtu', take('mtu')],
      ['txqueuelen~ qlen', take('queue')],
    ],
    new Words(['tx', '5', 'mtu', '9', 'mt', 'qlen', '1']),
    state,
    (word) => {
      state.seen.push(word);
    },
  );
  expect(state.seen).toEqual(['queue=5', 'mtu=9', 'mt', 'queue=1']);
});

test('numbers as strtoul(3) reads them', () => {
  expect(['10', '0x1F', '010', '-5', '0', ' 7'].map(parseNumber)).toEqual([10, 31, 8, -5, 0, 7]);
  expect(['', 'x', '1x', '08', '1.5'].map(parseNumber)).toEqual(Array(5).fill(undefined));
});

test('lines of a batch', () => {
  expect(wordsOf(`link add "a b" alias 'x  y'z ""`)).toEqual(['link', 'add', 'a b', 'alias', 'x  y', 'z', '']);
  expect(wordsOf(`alias it's x"y a\u00a0b \r`)).toEqual(['alias', "it's", 'x"y', 'a\u00a0b']);
  expect(() => wordsOf('alias "abc')).toThrow('Unterminated quoted string');
  expect(wordsOf('a '.repeat(511))).toHaveLength(511);
  expect(() => wordsOf('a '.repeat(512))).toThrow('Too many arguments to command');
  expect([...linesOf('a \\\nb\nc')]).toEqual([
    ['a b', 2],
    ['c', 3],
  ]);
  // A comment ends at the end of its own line, and takes a backslash with it.
  expect([...linesOf("a 'b#c'\nd # e \\\nf\n\ng \\\n# h\ni\\")]).toEqual([
    ["a 'b", 1],
    ['d ', 2],
    ['f', 3],
    ['', 4],
    ['g ', 6],
    ['i\\', 7],
  ]);
  expect(() => [...linesOf('a \\\n')]).toThrow('Missing continuation line');
});

test('JSON as iproute2 lays it out', () => {
  const value: Json = [{ a: 1, list: ['x', 'y'], none: [], inner: { t: new Digits('0.00') }, big: 2n ** 60n }, {}];
  expect(formatJson(value, false)).toBe(
    '[{"a":1,"list":["x","y"],"none":[],"inner":{"t":0.00},"big":1152921504606846976},{}]\n',
  );
  expect(formatJson(value, true)).toBe(
    '[ {\n        "a": 1,\n        "list": [ "x","y" ],\n        "none": [ ],\n        "inner": {\n            "t": 0.00\n        },\n        "big": 1152921504606846976\n    },{} ]\n',
  );
  expect(formatJson(['a"b\\\t'], false)).toBe('["a\\"b\\\\\\t"]\n');
});

test('ports that are wrong are said as iproute2 says an argument, with what helps', () => {
  const failureOf = (ports: string) => {
    try {
      connectionFrom(new Words(['--bridge', 'b', '--address', '10.0.0.2/24', `--publish=${ports}`]));
      return undefined;
    } catch (error) {
      const { said, status, remedy = '' } = error as Failure;
      return [said, status, remedy.split(':')[0]];
    }
  };
  expect(failureOf('80-81:80')).toEqual([
    'Error: argument "80-81:80" is wrong: the two ranges differ in length',
    255,
    'as in 8080',
  ]);
  expect(failureOf('80:80/icmp')).toEqual(['Error: argument "icmp" is wrong: tcp, udp or sctp', 255, '']);
  expect(failureOf('127.0.0.1:80')).toEqual([
    'Error: argument "127.0.0.1" is wrong: connections to a loopback address cannot be forwarded',
    255,
    'leave the address out',
  ]);
  expect(failureOf('80')).toBeUndefined();
});
