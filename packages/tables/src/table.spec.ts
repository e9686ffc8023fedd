import { describe, expect, test } from 'vitest';
import { cut, displayWidth, escapeCell, escapeRaw } from './cell.ts';
import { parseFilter } from './filter.ts';
import { formatJson } from './json.ts';
import type { Column, Row } from './table.ts';
import { formatRaw, formatTable } from './text.ts';

const PLAIN = { headings: true, utf8: true };
const NS: Column = { name: 'NS', width: 10, right: true, json: 'number' };
const PID: Column = { name: 'PID', width: 5, right: true, json: 'number' };
const COMMAND: Column = { name: 'COMMAND', truncate: true };
const NSFS: Column = { name: 'NSFS', wrap: true };

const row = (...cells: Row['cells']): Row => ({ cells });
const below = (parent: Row, ...cells: Row['cells']): Row => ({ cells, parent });

describe('widths', () => {
  test('a hint counts where a cell is as wide as the heading', () => {
    expect(formatTable([PID, COMMAND], [row('2', 'a')], PLAIN)).toBe('PID COMMAND\n  2 a\n');
    expect(formatTable([PID, COMMAND], [row('200', 'a')], PLAIN)).toBe('  PID COMMAND\n  200 a\n');
    expect(formatTable([PID], [row('1234567')], PLAIN)).toBe('    PID\n1234567\n');
  });

  test('a heading that is not printed does not count, a hint does', () => {
    expect(formatTable([COMMAND, PID], [row('a', '2')], { ...PLAIN, headings: false })).toBe('a     2\n');
  });

  test('the last column is not filled up, and of an empty one nothing is printed', () => {
    expect(formatTable([PID, COMMAND], [row('2', undefined)], PLAIN)).toBe('PID COMMAND\n  2 \n');
    expect(formatTable([COMMAND, PID], [row('a', undefined)], PLAIN)).toBe('COMMAND PID\na       \n');
  });

  test('no rows, no heading', () => {
    expect(formatTable([PID], [], PLAIN)).toBe('');
    expect(formatRaw([PID], [], PLAIN)).toBe('');
  });

  test('a terminal cuts what may be cut, but never below the heading', () => {
    const rows = [row('2', 'sleep one hundred', '4026531837')];
    // By three cells at a time, unless what is cut ends the line.
    expect(formatTable([PID, COMMAND, NS], rows, { ...PLAIN, terminal: 24 })).toBe(
      'PID COMMAND          NS\n  2 sleep on 4026531837\n',
    );
    expect(formatTable([PID, COMMAND], rows, { ...PLAIN, terminal: 14 })).toBe('PID COMMAND\n  2 sleep one \n');
    expect(
      formatTable([COMMAND, PID, COMMAND], [row('sleep one hundred', '2', 'sleep one hundred')], {
        ...PLAIN,
        terminal: 30,
      }),
    ).toBe('COMMAND         PID COMMAND\nsleep one hundr   2 sleep one \n');
    expect(formatTable([PID, COMMAND], rows, { ...PLAIN, terminal: 6 })).toBe('PID COMMAND\n  2 sleep o\n');
    expect(formatTable([PID, { name: 'COMMAND' }], rows, { ...PLAIN, terminal: 6 })).toContain('one hundred');
  });
});

describe('trees', () => {
  const init = row('1', 'init');
  const shell = below(init, '2', 'sh');
  const rows = [init, shell, below(init, '3', 'other'), below(shell, '5', 'sleep')];
  const columns = [PID, { ...COMMAND, tree: true }];

  test('lines of UTF-8 and of ASCII', () => {
    expect(formatTable(columns, rows, { ...PLAIN, headings: false })).toBe(
      '    1 init\n    2 ├─sh\n    5 │ └─sleep\n    3 └─other\n',
    );
    expect(formatTable(columns, rows, { headings: false, utf8: false })).toBe(
      '    1 init\n    2 |-sh\n    5 | `-sleep\n    3 `-other\n',
    );
  });

  test('without a tree column the rows are a list', () => {
    expect(formatTable([PID, COMMAND], rows, { ...PLAIN, headings: false })).toBe(
      '    1 init\n    2 sh\n    3 other\n    5 sleep\n',
    );
  });

  test('raw words hold the lines as bytes', () => {
    expect(formatRaw(columns, rows, { headings: false, utf8: false })).toBe(
      '1 init\n2 |-sh\n5 |\\x20`-sleep\n3 `-other\n',
    );
    expect(formatRaw(columns, rows.slice(0, 2), PLAIN)).toBe(
      'PID COMMAND\n1 init\n2 \\xe2\\x94\\x94\\xe2\\x94\\x80sh\n',
    );
  });

  test('JSON nests', () => {
    const text = formatJson('table', columns, rows);
    expect(JSON.parse(text)).toEqual({
      table: [
        {
          pid: 1,
          command: 'init',
          children: [
            { pid: 2, command: 'sh', children: [{ pid: 5, command: 'sleep' }] },
            { pid: 3, command: 'other' },
          ],
        },
      ],
    });
    expect(text).toContain('         "children": [\n            {\n               "pid": 2,\n');
    expect(text).toContain('\n            },{\n');
  });
});

test('a cell that wraps makes lines, and the tree goes on beside them', () => {
  const top = row('a', '1');
  const columns = [NSFS, { ...COMMAND, tree: true }];
  const rows = [top, below(top, '/x\n/y', '2'), below(top, undefined, '3')];
  expect(formatTable(columns, rows, { ...PLAIN, headings: false })).toBe('a  1\n/x ├─2\n/y │ \n   └─3\n');
  expect(formatTable([NSFS, PID], [row('/x\n/y', '2')], { ...PLAIN, headings: false })).toBe('/x     2\n/y \n');
});

test('JSON of nothing, of empty cells, of odd characters', () => {
  expect(formatJson('t', [PID], [])).toBe('{\n   "t": [\n\n   ]\n}\n');
  expect(JSON.parse(formatJson('t', [PID, COMMAND], [row(undefined, '')]))).toEqual({
    t: [{ pid: null, command: null }],
  });
  const odd = 'a"b\\c\td\u0001é\u007f';
  expect(JSON.parse(formatJson('t', [COMMAND], [row(odd)]))).toEqual({ t: [{ command: odd }] });
});

test('what cannot be shown is escaped', () => {
  const utf8 = { utf8: true };
  expect(escapeCell('a\tb\\c\\x41é\udc80', utf8)).toBe('a\\x09b\\c\\x5cx41é\\x80');
  expect(escapeCell('é', { utf8: false })).toBe('\\xc3\\xa9');
  expect(escapeCell('a\nb', { utf8: true, lineEnds: true })).toBe('a\nb');
  expect(escapeCell('a\nb', utf8)).toBe('a\\x0ab');
  expect(escapeRaw('a b\\cé')).toBe('a\\x20b\\x5cc\\xc3\\xa9');
});

test('widths of characters', () => {
  expect(displayWidth('日本')).toBe(4);
  expect(displayWidth('e\u0301')).toBe(1);
  expect(cut('日本x', 3)).toBe('日');
});

describe('filters', () => {
  const cells: Record<string, string | number | undefined> = {
    PID: 26,
    TYPE: 'mnt',
    COMMAND: 'sleep 5',
    NSFS: undefined,
  };
  const holds = (text: string) => parseFilter(text).matches((name) => cells[name]);

  test.each([
    ['PID == 26', true],
    ['PID eq 26', true],
    ['PID > 3', true],
    ['PID < 3', false],
    ['PID != 26', false],
    ['TYPE == "mnt"', true],
    ["TYPE == 'net'", false],
    ['COMMAND =~ "^sl.*5$"', true],
    ['COMMAND !~ "^sl"', false],
    ['NSFS', false],
    ['!NSFS', true],
    ['not NSFS and TYPE', true],
    ['TYPE == "net" || PID >= 26 && PID le 26', true],
    ['(TYPE == "net" || PID == 26) && PID == 1', false],
    ['NSFS == 5', false],
    ['true', true],
  ])('%s', (text, result) => {
    expect(holds(text)).toBe(result);
  });

  test('names are known, nonsense is refused', () => {
    expect(parseFilter('A == 1 and (B or A)').names).toEqual(['A', 'B']);
    for (const wrong of ['', 'PID ==', '== 3', '(PID', 'PID 3', 'PID =~ 3', '$', 'PID == 26x'])
      expect(() => parseFilter(wrong), wrong).toThrow(SyntaxError);
  });

  test('a pattern that is none is a syntax error', () => {
    expect(() => parseFilter('A =~ "("')).toThrow(SyntaxError);
  });
});
