/**
 * What the tools take from the language itself, as one list: each row says what an expression gives. It runs in Node and in the engine,
 * and uses nothing else. In the spirit of test262, though far smaller: a row for what is used, and for what an engine has had wrong.
 */
export interface Feature {
  readonly name: string;
  readonly act: () => unknown;
  /** As `shown` writes it. */
  readonly gives: string;
}

function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string')
    return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (Object.is(value, -0)) return '-0';
  if (Array.isArray(value)) return `[${Array.from(value, shown).join(', ')}]`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return `${value.constructor.name}[${Array.from(value as unknown as ArrayLike<unknown>, shown).join(', ')}]`;
  if (value instanceof Map || value instanceof Set) return `${value.constructor.name}${shown([...value])}`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `${key}: ${shown(each)}`)
      .join(', ')}}`;
  return String(value);
}

/** What an expression gives, or the class of its error. */
export function found({ act }: Pick<Feature, 'act'>): string {
  try {
    return shown(act());
  } catch (error) {
    return (error as Error).name;
  }
}

const rows: [name: string, act: () => unknown, gives: string][] = [];
const is = (name: string, act: () => unknown, gives: string) => rows.push([name, act, gives]);

/** Kept from being worked out before it runs. */
const of = <T>(value: T): T => value;

// Whole numbers of any size: masks of capabilities, signals and attributes.
is('asUintN of a negative number, 64 bits', () => BigInt.asUintN(64, of(-1n)), '18446744073709551615n');
is('asUintN of a negative number, more bits', () => BigInt.asUintN(65, of(-1n)), '36893488147419103231n');
is('asUintN of a negative number, 63 bits', () => BigInt.asUintN(63, of(-1n)), '9223372036854775807n');
is('asUintN of a negative number, 32 bits', () => BigInt.asUintN(32, of(-1n)), '4294967295n');
is('asUintN of the least number', () => BigInt.asUintN(64, of(-(2n ** 63n))), '9223372036854775808n');
is('asUintN of a greater number', () => BigInt.asUintN(64, of(2n ** 64n + 5n)), '5n');
is('asUintN of a far smaller number', () => BigInt.asUintN(64, of(-(2n ** 64n) - 5n)), '18446744073709551611n');
is('asUintN, 0 bits', () => BigInt.asUintN(0, of(5n)), '0n');
is(
  'asIntN, 64 bits',
  () => [BigInt.asIntN(64, of(2n ** 63n)), BigInt.asIntN(64, of(2n ** 64n - 1n))],
  '[-9223372036854775808n, -1n]',
);
is(
  'asIntN, 32 bits',
  () => [BigInt.asIntN(32, of(2n ** 31n)), BigInt.asIntN(32, of(2n ** 31n - 1n))],
  '[-2147483648n, 2147483647n]',
);
is('asIntN, 1 bit', () => [BigInt.asIntN(1, of(1n)), BigInt.asIntN(1, of(2n))], '[-1n, 0n]');
for (const [radix, text] of [
  [2, '1'.repeat(64)],
  [8, '1777777777777777777777'],
  [10, '18446744073709551615'],
  [16, 'ffffffffffffffff'],
  [32, 'fvvvvvvvvvvvv'],
  [36, '3w5e11264sgsf'],
] as const)
  is(`2 ** 64 - 1 to base ${radix}`, () => of(2n ** 64n - 1n).toString(radix), JSON.stringify(text));
is(
  'powers of two to base 16',
  () => [31n, 32n, 60n, 63n, 64n, 127n, 128n].map((bits) => of(1n << bits).toString(16)),
  '["80000000", "100000000", "1000000000000000", "8000000000000000", "10000000000000000", "80000000000000000000000000000000", "100000000000000000000000000000000"]',
);
is(
  'powers of two to base 2',
  () => [63n, 64n].map((bits) => of(1n << bits).toString(2)),
  `["1${'0'.repeat(63)}", "1${'0'.repeat(64)}"]`,
);
is(
  'negative numbers to base 16',
  () => [of(-255n).toString(16), of(-(2n ** 64n)).toString(16), of(-(2n ** 63n)).toString(16)],
  '["-ff", "-10000000000000000", "-8000000000000000"]',
);
is(
  'BigInt of texts',
  () => [BigInt('0x7f'), BigInt('0b101'), BigInt('0o17'), BigInt(' 12 '), BigInt(''), BigInt('-9')],
  '[127n, 5n, 15n, 12n, 0n, -9n]',
);
is('BigInt of no number', () => BigInt(of('1x')), 'SyntaxError');
is('BigInt of a fraction', () => BigInt(of(1.5)), 'RangeError');
is('BigInt of a number beyond 53 bits', () => BigInt(of(2 ** 60)), '1152921504606846976n');
is(
  'bits of big numbers',
  () => [
    of(0xff00n) & 0x0ff0n,
    of(1n) | (1n << 63n),
    of(5n) ^ 1n,
    ~of(0n),
    of(-1n) >> 3n,
    of(-8n) >> 1n,
    of(-1n) << 2n,
  ],
  '[3840n, 9223372036854775809n, 4n, -1n, -1n, -4n, -4n]',
);
is(
  'bits of negative numbers',
  () => [of(-1n) & 0xffffffffffffffffn, of(-256n) & 0xfffn, of(-1n) & ~(1n << 63n)],
  '[18446744073709551615n, 3840n, -9223372036854775809n]',
);
is(
  'quotients of big numbers',
  () => [of(7n) / 2n, of(-7n) / 2n, of(-7n) % 2n, of(2n ** 64n) / 1_000_000_000n, of(3n) ** 40n],
  '[3n, -3n, -1n, 18446744073n, 12157665459056928801n]',
);
is(
  'big and other numbers compared',
  () => [of(1n) < 2, of(2n) > 1.5, of(1n) >= 1, of(1n) === (1 as unknown), of(2n ** 64n) > 2 ** 63],
  '[true, true, true, false, true]',
);
is(
  'great big numbers compared with others',
  () => [
    of(-5n) < -(2 ** 70),
    of(-(10n ** 30n)) < -1e31,
    of(-(10n ** 30n)) > -1e31,
    of(10n ** 30n) < 1e31,
    of(-1n) < -(2 ** 64),
    of(2n ** 64n) < Infinity,
    of(-(2n ** 64n)) > -Infinity,
    of(1n) < of(Number.NaN),
  ],
  '[false, false, true, true, false, true, true, false]',
);
is('big and other numbers added', () => (of(1n) as unknown as number) + 1, 'TypeError');
is(
  'Number of big numbers',
  () => [Number(of(2n ** 53n + 1n)), Number(of(-(2n ** 64n))), Number(of(2n ** 64n - 1n))],
  '[9007199254740992, -18446744073709552000, 18446744073709552000]',
);
is(
  'big numbers as keys',
  () =>
    new Map([
      [of(2n ** 64n), 'a'],
      [BigInt('1'), 'b'],
    ]).get(2n ** 64n),
  '"a"',
);
is('big numbers as conditions', () => [of(0n) ? 1 : 2, !of(1n), typeof of(1n)], '[2, false, "bigint"]');

// Numbers.
is(
  'numbers as texts',
  () => [1e21, 1e-7, 123456789012345680000, 0.1 + 0.2, -0, 5e-324, 2 ** 53].map(String),
  '["1e+21", "1e-7", "123456789012345680000", "0.30000000000000004", "0", "5e-324", "9007199254740992"]',
);
is(
  'toFixed',
  () => [
    (1.005).toFixed(2),
    (2.5).toFixed(0),
    (1.45).toFixed(1),
    (0.000001).toFixed(3),
    (-1.5).toFixed(0),
    (1e21).toFixed(2),
    (123.456).toFixed(1),
  ],
  '["1.00", "3", "1.4", "0.000", "-2", "1e+21", "123.5"]',
);
is(
  'toPrecision',
  () => [(123.456).toPrecision(4), (0.00001).toPrecision(1), (1e21).toPrecision(3), (99.99).toPrecision(3)],
  '["123.5", "0.00001", "1.00e+21", "100"]',
);
is(
  'toString of bases',
  () => [
    (255).toString(16),
    (255).toString(2),
    (0o755).toString(8),
    (-255).toString(16),
    (2 ** 40).toString(36),
    (0.5).toString(2),
  ],
  '["ff", "11111111", "755", "-ff", "e13wu1og", "0.1"]',
);
is('toString of no base', () => (1).toString(of(37)), 'RangeError');
is(
  'Number of texts',
  () => ['', ' 12 ', '0x1f', '0o17', '0b11', '1e3', '1_0', '12px', '-0', '+5', '.5', 'Infinity'].map(Number),
  '[0, 12, 31, 15, 3, 1000, NaN, NaN, -0, 5, 0.5, Infinity]',
);
is(
  'parseInt and parseFloat',
  () => [
    Number.parseInt('12px', 10),
    Number.parseInt(of('ff'), 16),
    Number.parseInt(of('0x1f'), 16),
    Number.parseInt('x', 10),
    Number.parseFloat('1.5e3x'),
    Number.parseFloat('.'),
  ],
  '[12, 255, 31, NaN, 1500, NaN]',
);
is(
  'whole numbers',
  () => [
    Number.isInteger(5.0),
    Number.isInteger(2 ** 53),
    Number.isSafeInteger(2 ** 53),
    Number.isInteger('5'),
    Number.MAX_SAFE_INTEGER,
  ],
  '[true, true, false, false, 9007199254740991]',
);
is(
  'bits of numbers',
  () => [
    of(2 ** 32) | 0,
    of(2 ** 31) | 0,
    of(-1) >>> 0,
    of(-1) >>> 28,
    of(1) << 31,
    of(1) << 32,
    of(0xffffffff) & 0xff,
    ~of(5),
    of(2 ** 53) >> 1,
  ],
  '[0, -2147483648, 4294967295, 15, -2147483648, 1, 255, -6, 0]',
);
is(
  'Math',
  () => [
    Math.trunc(-1.9),
    Math.round(-1.5),
    Math.round(2.5),
    Math.floor(-1.5),
    Math.ceil(-1.5),
    Math.imul(0xffffffff, 5),
    Math.sign(-3),
    Math.max(),
    Math.min(),
    Math.log2(8),
    Math.log10(1000),
    Math.hypot(3, 4),
    Math.clz32(1),
  ],
  '[-1, -1, 3, -2, -1, -5, -1, -Infinity, Infinity, 3, 3, 5, 31]',
);
is('remainders', () => [of(-7) % 3, of(5.5) % 2, of(5) % 0, of(-4) % 2], '[-1, 1.5, NaN, -0]');

// Texts.
is(
  'replaceAll',
  () => [
    'a.b.c'.replaceAll('.', '-'),
    'aXbX'.replaceAll(/x/gi, '$&$&'),
    'abc'.replaceAll('', '_'),
    'a$b'.replaceAll('$', () => '$&'),
  ],
  '["a-b-c", "aXXbXX", "_a_b_c_", "a$&b"]',
);
is('replaceAll without g', () => 'a'.replaceAll(of(/a/), 'b'), 'TypeError');
is(
  'replace by groups',
  () => ['2024-05'.replace(/(\d+)-(\d+)/, '$2/$1'), 'ab'.replace(/(?<x>a)/, '[$<x>]'), 'abc'.replace('b', "$`$'$&")],
  '["05/2024", "[a]b", "aacbc"]',
);
is(
  'replace by a function',
  () => 'a1b22'.replace(/(?<n>\d+)/g, (...all) => JSON.stringify(all.slice(0, 3)) + (all.at(-1) as { n: string }).n),
  '"a[\\"1\\",\\"1\\",1]1b[\\"22\\",\\"22\\",3]22"',
);
is(
  'split',
  () => [
    'a,b,,c'.split(','),
    'abc'.split(''),
    ''.split(','),
    ''.split(''),
    'a1b2'.split(/\d/),
    'a1b2c'.split(/(\d)/),
    'a b c'.split(' ', 2),
  ],
  '[["a", "b", "", "c"], ["a", "b", "c"], [""], [], ["a", "b", ""], ["a", "1", "b", "2", "c"], ["a", "b"]]',
);
is(
  'split behind',
  () => ['NAME=a=b'.split(/(?<=^[^=]+)=/s), 'a\\:b:c'.split(/(?<!\\):/), 'HelloBigWorld'.split(/(?<=.)(?=[A-Z])/)],
  '[["NAME", "a=b"], ["a\\\\:b", "c"], ["Hello", "Big", "World"]]',
);
is(
  'padStart and padEnd',
  () => ['7'.padStart(3, '0'), 'abc'.padStart(2), 'a'.padEnd(5, '12'), 'x'.padEnd(3), 'x'.padStart(3, '')],
  '["007", "abc", "a1212", "x  ", "x"]',
);
is('trim', () => [' \t\n\u00a0\ufeffa \u2028'.trim(), ' a '.trimStart(), ' a '.trimEnd()], '["a", "a ", " a"]');
is(
  'at',
  () => ['abc'.at(-1), 'abc'.at(3), [1, 2].at(-2), [1].at(5), new Uint8Array([1, 2]).at(-1)],
  '["c", undefined, 1, undefined, 2]',
);
is(
  'slice, substring, lastIndexOf',
  () => [
    'abcdef'.slice(-3, -1),
    'abcdef'.slice(4, 2),
    'abcdef'.substring(4, 2),
    'a/b/c'.lastIndexOf('/'),
    'abc'.indexOf(''),
    'abc'.lastIndexOf('x'),
  ],
  '["de", "", "cd", 3, 0, -1]',
);
is(
  'startsWith, endsWith, includes, repeat',
  () => ['abc'.startsWith('b', 1), 'abc'.endsWith('b', 2), 'abc'.includes(''), 'ab'.repeat(3), 'a'.repeat(0)],
  '[true, true, true, "ababab", ""]',
);
is('repeat of a negative count', () => 'a'.repeat(of(-1)), 'RangeError');
is(
  'code points',
  () => [
    'a😀'.length,
    [...'a😀'].length,
    'a😀'.codePointAt(1),
    String.fromCodePoint(0x1f600).length,
    'a😀'.charCodeAt(1),
    '\ud800'.codePointAt(0),
  ],
  '[3, 2, 128512, 2, 55357, 55296]',
);
is('no code point', () => String.fromCodePoint(of(0x110000)), 'RangeError');
is(
  'iteration keeps lone surrogates',
  () => [...'a\udc80b\ud83d'].map((each) => each.charCodeAt(0)),
  '[97, 56448, 98, 55357]',
);
is(
  'isWellFormed',
  () => [
    'a😀'.isWellFormed(),
    '\udc80'.isWellFormed(),
    '\ud83d'.isWellFormed(),
    '\ude00\ud83d'.isWellFormed(),
    ''.isWellFormed(),
  ],
  '[true, false, false, false, true]',
);
is('normalize', () => ['e\u0301'.normalize('NFC').length, '\u00e9'.normalize('NFD').length], '[1, 2]');
is(
  'case',
  () => ['ÄÖß'.toLowerCase(), 'straße'.toUpperCase(), 'İ'.toLowerCase().length],
  '["\\u00e4\\u00f6\\u00df", "STRASSE", 2]',
);
is(
  'texts compared',
  () => ['a' < 'b', 'Z' < 'a', 'a' < 'aa', '\u{1f600}' < '\uffff', '10' < '9'],
  '[true, true, true, true, true]',
);
is(
  'templates',
  () => [
    `a${1}${[2, 3]}${{}}`,
    ((strings: TemplateStringsArray, ...values: unknown[]) => [strings.raw, values])`x\n${1}y`,
  ],
  '["a12,3[object Object]", [["x\\\\n", "y"], [1]]]',
);
is('String.raw', () => String.raw`\d${1}\u0041`, '"\\\\d1\\\\u0041"');

// Regular expressions.
is(
  'named groups',
  () => ({ .../(?<year>\d{4})-(?<month>\d\d)/.exec('on 2024-05')?.groups }),
  '{year: "2024", month: "05"}',
);
is('groups that take no part', () => [...(/(a)|(b)/.exec('b') ?? [])], '["b", undefined, "b"]');
is('a group in a loop begins anew', () => [...(/(?:(a)|b)*/.exec('ab') ?? [])], '["ab", undefined]');
is(
  'references',
  () => [/^(["'])(.*)\1$/s.exec('"a\nb"')?.[2], /(?<q>['"]).*\k<q>/.exec(`x'y'`)?.[0]],
  '["a\\nb", "\'y\'"]',
);
is(
  'what is behind',
  () => ['$5 €7'.match(/(?<=€)\d/)?.[0], 'ab1 cd2'.match(/(?<!ab)\d/)?.[0], /(?<=(\d+)(\d+))$/.exec('1053')?.slice(1)],
  '["7", "2", ["1", "053"]]',
);
is(
  'what is ahead',
  () => ['a1b2'.match(/[a-z](?=2)/)?.[0], 'unconfined_t x_t'.match(/\b(?!unconfined_)\w+_t/)?.[0]],
  '["b", "x_t"]',
);
is(
  'sticky',
  () => {
    const word = /\s*(\w+|[=<>!]+)/y;
    const words = [];
    for (let match = word.exec('a == b!'); match; match = word.exec('a == b!')) words.push([match[1], word.lastIndex]);
    return [words, word.lastIndex];
  },
  '[[["a", 1], ["==", 4], ["b", 6], ["!", 7]], 0]',
);
is(
  'global, with its place kept',
  () => {
    const digit = /\d/g;
    return [digit.test('a1'), digit.lastIndex, digit.test('a1'), digit.lastIndex];
  },
  '[true, 2, false, 0]',
);
is(
  'matchAll',
  () => [...'a=1,b=2'.matchAll(/(?<k>\w)=(?<v>\w)/g)].map(({ index, groups }) => [index, groups?.k, groups?.v]),
  '[[0, "a", "1"], [4, "b", "2"]]',
);
is(
  'match',
  () => [['a1b22'.match(/\d+/g)], 'x'.match(/\d/g), 'a1'.match(/\d/)?.index, 'abc'.search(/c/)],
  '[[["1", "22"]], null, 1, 2]',
);
is(
  'dot and lines',
  () => [
    /a.b/.test('a\nb'),
    /a.b/s.test('a\nb'),
    /^b$/m.test('a\nb\nc'),
    /^b$/.test('a\nb'),
    'a\nb'.replace(/$/gm, ';'),
  ],
  '[false, true, true, false, "a;\\nb;"]',
);
is(
  'indices',
  () => {
    const match = /b(?<x>c)?/d.exec('abc');
    return [match?.indices?.[0], match?.indices?.groups?.x, 'hasIndices' in /a/d];
  },
  '[[1, 3], [2, 3], true]',
);
is('places in many lines', () => /^name$/dm.exec('a\nname\n')?.indices?.[0], '[2, 6]');
is(
  'case of letters',
  () => [/[a-z]+/i.exec('1AbC2')?.[0], /\u00e4/i.test('Ä'), /[^x]/i.test('X'), /\w/iu.test('ſ')],
  '["AbC", true, false, true]',
);
is(
  'Unicode',
  () => [
    /^.$/u.test('😀'),
    /^.$/.test('😀'),
    /\u{1f600}/u.test('😀'),
    /[\u{1f300}-\u{1f64f}]/u.test('😀'),
    '😀'.replace(/./gu, 'x'),
  ],
  '[true, false, true, true, "x"]',
);
is(
  'Unicode, with lone surrogates',
  () => [/^[^!-~]$/u.test('\udc80'), '\ud83dx'.replace(/[^!-~]/gu, '?'), /\udc80/u.test('\ud83d\udc80')],
  '[true, "?x", false]',
);
is(
  'properties',
  () => [
    '\u0007a\u200b\u2028'.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?'),
    /\p{Lu}/u.test('Ä'),
    /\p{Mn}/u.test('\u0301'),
    /\P{L}/u.test('a'),
    /\p{Cs}/u.test('\udc80'),
    /\p{Cn}/u.test('\u{e0080}'),
  ],
  '["?a??", true, true, false, true, true]',
);
is(
  'lazy and greedy',
  () => [
    /^(.*?):(\d+)$/s.exec('a:1:2')?.slice(1),
    /^(.*):(.*)$/.exec('a:b:c')?.slice(1),
    /a{2,3}?/.exec('aaaa')?.[0],
    /a{2,}/.exec('aaaa')?.[0],
  ],
  '[["a:1", "2"], ["a:b", "c"], "aa", "aaaa"]',
);
is(
  'classes and escapes',
  () => [
    /^[\]\\^-]+$/.test(']\\^-'),
    /\x41\u0042\cJ/.test('AB\n'),
    /[\b]/.test('\b'),
    /\bfoo\b/.test('a foo'),
    new RegExp(of('[^]')).test('\n'),
    new RegExp(of('[]')).test('a'),
  ],
  '[true, true, true, true, true, false]',
);
is(
  'made of text',
  () => [
    new RegExp(of('a/b')).source,
    new RegExp(of('\\d+'), 'g').exec('a12')?.[0],
    String(new RegExp(of(''))),
    new RegExp(/a/g, 'i').flags,
    /a/dgimsuy.flags,
  ],
  '["a\\\\/b", "12", "/(?:)/", "i", "dgimsuy"]',
);
is('made of wrong text', () => new RegExp(of('(')), 'SyntaxError');
is('wrong escapes with u', () => new RegExp(of('\\-'), 'u'), 'SyntaxError');
is(
  'no endless loop over nothing',
  () => [/(?:a*)*b/.test('c'), 'abc'.replace(/x*/g, '-'), /(?:)*/.exec('')?.[0]],
  '[false, "-a-b-c-", ""]',
);
is(
  'long texts',
  () => [
    /^(?:a|b)*$/.test('ab'.repeat(20_000)),
    'a'.repeat(100_000).replace(/a/g, 'b').length,
    /(?:\\.|[^:\\])+/s.exec('x'.repeat(50_000))?.[0].length,
  ],
  '[true, 100000, 50000]',
);

// Bytes.
is(
  'typed arrays',
  () => [
    new Uint8Array([256, -1, 1.9]),
    new Int8Array([128]),
    new Uint16Array([65_537]),
    new Int32Array([2 ** 31]),
    new Uint8ClampedArray([300, -5]),
  ],
  '[Uint8Array[0, 255, 1], Int8Array[-128], Uint16Array[1], Int32Array[-2147483648], Uint8ClampedArray[255, 0]]',
);
is(
  'typed arrays of big numbers',
  () => [new BigUint64Array([-1n, 2n ** 64n]), new BigInt64Array([2n ** 63n])],
  '[BigUint64Array[18446744073709551615n, 0n], BigInt64Array[-9223372036854775808n]]',
);
is(
  'views share memory',
  () => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer, 2, 4).setUint32(0, 0x01020304, true);
    const part = bytes.subarray(2, 4);
    part[0] = 9;
    return [bytes, part.byteOffset, part.length, new Uint16Array(bytes.buffer, 4, 1)];
  },
  '[Uint8Array[0, 0, 9, 3, 2, 1, 0, 0], 2, 2, Uint16Array[258]]',
);
is(
  'DataView',
  () => {
    const view = new DataView(new ArrayBuffer(16));
    view.setBigUint64(0, of(-1n), true);
    view.setBigInt64(8, of(-2n));
    return [
      view.getBigUint64(0),
      view.getBigInt64(8),
      view.getUint16(8),
      view.getInt8(15),
      view.getUint32(8, true),
      view.getInt32(12),
      view.getBigUint64(8),
    ];
  },
  '[18446744073709551615n, -2n, 65535, -2, 4294967295, -2, 18446744073709551614n]',
);
is('beyond a DataView', () => new DataView(new ArrayBuffer(4)).getUint32(of(1)), 'RangeError');
is('a view beyond its memory', () => new Uint8Array(new ArrayBuffer(4), of(5)), 'RangeError');
is(
  'beyond a typed array',
  () => {
    const bytes = new Uint8Array(2);
    bytes[5] = 1;
    return [bytes, bytes[5], 5 in bytes, bytes.length];
  },
  '[Uint8Array[0, 0], undefined, false, 2]',
);
is(
  'set and copyWithin',
  () => {
    const bytes = new Uint8Array(6);
    bytes.set([1, 2, 3], 1);
    bytes.set(bytes.subarray(0, 4), 2);
    return [bytes, new Uint8Array([1, 2, 3, 4, 5]).copyWithin(1, 0, 3)];
  },
  '[Uint8Array[0, 1, 0, 1, 2, 3], Uint8Array[1, 1, 2, 3, 5]]',
);
is('set beyond the end', () => new Uint8Array(2).set([1, 2], of(1)), 'RangeError');
is(
  'methods of typed arrays',
  () => {
    const bytes = new Uint8Array([3, 1, 2]);
    return [
      bytes.slice(1),
      bytes.map((each) => each * 100),
      bytes.indexOf(2),
      bytes.includes(3),
      bytes.findLast((each) => each < 3),
      bytes.toReversed(),
      bytes.join(),
      [...bytes.entries()],
      new Uint8Array(3).fill(7, 1),
      Uint8Array.from([1, 2], (each) => each * 2),
      Uint8Array.of(5),
      bytes.sort(),
      bytes.lastIndexOf(9),
    ];
  },
  '[Uint8Array[1, 2], Uint8Array[44, 100, 200], 2, true, 2, Uint8Array[2, 1, 3], "3,1,2", [[0, 3], [1, 1], [2, 2]], Uint8Array[0, 7, 7], Uint8Array[2, 4], Uint8Array[5], Uint8Array[1, 2, 3], -1]',
);
is(
  'a class of bytes',
  () => {
    class Mine extends Uint8Array {
      get first() {
        return this[0];
      }
    }
    const mine = new Mine([5, 6, 7]);
    return [
      mine.first,
      mine.subarray(1) instanceof Mine,
      (mine.subarray(1) as Mine).first,
      mine.map((each) => each + 1) instanceof Mine,
      Object.keys(mine),
      ArrayBuffer.isView(mine),
    ];
  },
  '[5, true, 6, true, ["0", "1", "2"], true]',
);
is(
  'memory copied',
  () => [new Uint8Array(new Uint8Array([1, 2, 3]).buffer.slice(1)), new ArrayBuffer(3).byteLength],
  '[Uint8Array[2, 3], 3]',
);

// Lists, tables.
is(
  'sort keeps the order of equals',
  () => {
    const list = Array.from({ length: 300 }, (_, index) => [index % 3, index] as const).sort(([a], [b]) => a - b);
    return list.every(
      ([key, index], at) => at === 0 || key > (list[at - 1]?.[0] ?? 0) || index > (list[at - 1]?.[1] ?? 0),
    );
  },
  'true',
);
is(
  'sort without a function',
  () => [[10, 9, 1].sort(), ['b', undefined, 'a'].sort(), [3, 1, 2].sort((a, b) => b - a), ['é', 'z', 'Z'].sort()],
  '[[1, 10, 9], ["a", "b", undefined], [3, 2, 1], ["Z", "z", "\\u00e9"]]',
);
is(
  'sort of what is sorted and reversed',
  () =>
    [Array.from({ length: 50 }, (_, index) => index), Array.from({ length: 50 }, (_, index) => 50 - index)].map(
      (list) => list.sort((a, b) => a - b).every((each, at) => at === 0 || each > (list[at - 1] ?? 0)),
    ),
  '[true, true]',
);
is(
  'copies',
  () => {
    const list = [3, 1, 2];
    return [list.toSorted(), list.toReversed(), list.toSpliced(1, 1, 8, 9), list.with(0, 7), list];
  },
  '[[1, 2, 3], [2, 1, 3], [3, 8, 9, 2], [7, 1, 2], [3, 1, 2]]',
);
is(
  'methods of lists',
  () => [
    [1, 2, 3, 4].findLast((each) => each % 2),
    [1, 2, 3].findLastIndex((each) => each > 5),
    [1, [2, [3, [4]]]].flat(),
    [1, [2, [3, [4]]]].flat(Infinity),
    [1, 2].flatMap((each) => [each, [each]]),
    [1, NaN].includes(NaN),
    [1, NaN].indexOf(NaN),
    [1, 2, 3].reduceRight((all, each) => `${all}${each}`, ''),
  ],
  '[3, -1, [1, 2, [3, [4]]], [1, 2, 3, 4], [1, [1], 2, [2]], true, -1, "321"]',
);
is('an empty list has no sum', () => ([] as number[]).reduce((a, b) => a + b), 'TypeError');
is(
  'splice, slice, fill, concat, join',
  () => {
    const list = [1, 2, 3, 4, 5];
    return [
      list.splice(1, 2, 9),
      list,
      list.slice(-2),
      new Array(3).fill(0),
      [1].concat([2], 3 as never),
      [1, null, undefined, [2, 3]].join('-'),
      Array.of(7),
      Array.from('ab', (each, at) => each + at),
    ];
  },
  '[[2, 3], [1, 9, 4, 5], [4, 5], [0, 0, 0], [1, 2, 3], "1---2,3", [7], ["a0", "b1"]]',
);
is(
  'long lists of operands',
  () => [
    Math.max(...Array.from({ length: 5000 }, (_, index) => index)),
    String.fromCharCode(...new Array(5000).fill(65)).length,
  ],
  '[4999, 5000]',
);
is(
  'order of keys',
  () => [Object.keys({ b: 1, 2: 1, a: 1, 1: 1 }), JSON.stringify({ z: 1, 10: 2, 9: 3 })],
  '[["1", "2", "b", "a"], "{\\"9\\":3,\\"10\\":2,\\"z\\":1}"]',
);
is(
  'objects',
  () => [
    Object.fromEntries(new Map([['a', 1]])),
    Object.hasOwn({ a: 1 }, 'a'),
    Object.hasOwn({}, 'toString'),
    Object.entries({ a: 1, b: undefined }),
    Object.assign({ a: 1 }, null, { b: 2 }),
    { ...of({ a: 1 }), ...of<object | null>(null), a: 2 },
    Object.is(NaN, NaN),
  ],
  '[{a: 1}, true, false, [["a", 1], ["b", undefined]], {a: 1, b: 2}, {a: 2}, true]',
);
is(
  'names that every object has',
  () => {
    const named = Object.assign(Object.create(null), { toString: 1 });
    const own = JSON.parse('{"__proto__": 5}') as object;
    return [
      Object.keys(named),
      Object.keys(own),
      Object.getPrototypeOf(own) === Object.prototype,
      new Map([['__proto__', 1]]).get('__proto__'),
    ];
  },
  '[["toString"], ["__proto__"], true, 1]',
);
is(
  'frozen objects',
  () => {
    const frozen = Object.freeze({ a: 1 }) as { a: number };
    frozen.a = 2;
  },
  'TypeError',
);
is(
  'Map',
  () => {
    const map = new Map<unknown, number>([
      [NaN, 1],
      [0, 2],
    ]);
    map.set('x', 3).set(0, 4);
    map.delete(NaN);
    return [map, map.get(-0), map.size, map.has(NaN), [...map.keys()], [...map.values()]];
  },
  '[Map[[0, 4], ["x", 3]], 4, 2, false, [0, "x"], [4, 3]]',
);
is(
  'a Map changed while it is walked',
  () => {
    const map = new Map([
      [1, 1],
      [2, 2],
    ]);
    const seen = [];
    for (const [key] of map) {
      seen.push(key);
      if (key === 1) map.delete(2);
      if (key < 5) map.set(key + 10, 0);
    }
    return seen;
  },
  '[1, 11]',
);
is(
  'Set',
  () => [new Set([3, 1, 3, 2]), [...new Set('aab')], new Set([1]).has(1), new Set([1, 2]).delete(2)],
  '[Set[3, 1, 2], ["a", "b"], true, true]',
);
is(
  'WeakMap',
  () => {
    const key = {};
    const map = new WeakMap([[key, 1]]);
    return [map.get(key), map.has({}), map.delete(key), map.has(key)];
  },
  '[1, false, true, false]',
);
is(
  'JSON',
  () => [
    JSON.stringify({ a: [1, null, undefined, NaN], b: undefined, c: 'é"\n\u2028\ud800', d: new Date(0) }),
    JSON.stringify([1, { a: 2 }], null, 3),
    JSON.stringify({ a: 1, b: 2 }, ['b']),
    JSON.stringify('\u007f'),
    JSON.parse('{"a":[1e3,"\\u00e9",true]}'),
    JSON.parse('1', (_, value) => value + 1),
  ],
  '["{\\"a\\":[1,null,null,null],\\"c\\":\\"\\u00e9\\\\\\"\\\\n\\u2028\\\\ud800\\",\\"d\\":\\"1970-01-01T00:00:00.000Z\\"}", "[\\n   1,\\n   {\\n      \\"a\\": 2\\n   }\\n]", "{\\"b\\":2}", "\\"\\u007f\\"", {a: [1000, "\\u00e9", true]}, 2]',
);
for (const text of [
  ...['{a:1}', '[1,]', '{"a":1,}', '[1', '1 2', '', 'NaN', '// a\n1', '\u00a01', '\ufeff1'],
  ...['01', '-01', '00', '1.', '1.e1', '.5', '+1', '-', '1e', '0x1', '1_0', '1n'],
  ...["'a'", '"\n"', '"\\\n"', '"\\x41"', '"\\v"', '"\\0"', '"\\\'"', '"\\B"', '"\\u12"', '"\\u{41}"', '"\u001f"'],
])
  is(`no JSON: ${JSON.stringify(text)}`, () => JSON.parse(text), 'SyntaxError');
is('JSON of big numbers', () => JSON.stringify(of(1n)), 'TypeError');
is('JSON of toJSON', () => JSON.stringify({ toJSON: (key: string) => `[${key}]` }), '"\\"[]\\""');

// Shapes of programs.
is(
  'private members',
  () => {
    class Counter {
      static #made = 0;
      #count = 1;
      static {
        Counter.#made = 10;
      }
      static has(value: object) {
        return #count in value;
      }
      get #double() {
        return 2 * this.#count;
      }
      #add(by: number) {
        this.#count += by;
        return this;
      }
      total() {
        return [this.#add(4).#double, ++Counter.#made, this.#count];
      }
    }
    return [new Counter().total(), Counter.has(new Counter()), Counter.has({}), Object.keys(new Counter())];
  },
  '[[10, 11, 5], true, false, []]',
);
is(
  'a private member of another object',
  () => {
    class Held {
      #inside = 1;
      static of(value: Held) {
        return value.#inside;
      }
    }
    return Held.of({} as Held);
  },
  'TypeError',
);
is(
  'classes',
  () => {
    class Base {
      kind = 'base';
      constructor(readonly name: string) {}
      get upper() {
        return this.name.toUpperCase();
      }
      static make(name: string) {
        return new this(name);
      }
    }
    class Derived extends Base {
      override kind = `${this.name}!`;
      override get upper() {
        return `<${super.upper}>`;
      }
    }
    const made = Derived.make('x');
    return [made.kind, made.upper, made instanceof Base, made.constructor.name, Object.keys(made)];
  },
  '["x!", "<X>", true, "Derived", ["name", "kind"]]',
);
is('new.target and classes called as functions', () => (class {} as unknown as () => void)(), 'TypeError');
is(
  'errors',
  () => {
    class Failure extends Error {
      override name = 'Failure';
    }
    const failure = new Failure('it', { cause: 5 });
    return [
      String(failure),
      failure.cause,
      failure instanceof Error,
      Object.keys(failure),
      typeof failure.stack,
      new AggregateError([1], 'm').errors,
    ];
  },
  '["Failure: it", 5, true, ["name"], "string", [1]]',
);
is(
  'finally',
  () => {
    const order: string[] = [];
    const run = () => {
      try {
        order.push('try');
        return 'returned';
      } finally {
        order.push('finally');
      }
    };
    outer: for (const each of [1, 2, 3])
      for (;;)
        try {
          if (each === 2) break outer;
          continue outer;
        } finally {
          order.push(`left ${each}`);
        }
    return [run(), order];
  },
  '["returned", ["left 1", "left 2", "try", "finally"]]',
);
is(
  'generators',
  () => {
    const order: unknown[] = [];
    function* inner() {
      try {
        order.push(yield 1);
        yield 2;
      } finally {
        order.push('closed');
      }
      return 9;
    }
    function* outer(): Generator<number> {
      yield (yield* inner()) as unknown as number;
    }
    const steps = outer();
    const [first] = inner();
    return [first, steps.next(), steps.next('sent' as never), steps.next(), steps.next(), order, [...inner()]];
  },
  '[1, {value: 1, done: false}, {value: 2, done: false}, {value: 9, done: false}, {value: undefined, done: true}, ["closed", "sent", "closed", undefined, "closed"], [1, 2]]',
);
is(
  'iterators',
  () => {
    let closed = 0;
    const endless = {
      *[Symbol.iterator]() {
        try {
          for (let at = 0; ; at++) yield at;
        } finally {
          closed++;
        }
      },
    };
    const [a, , b] = endless;
    for (const each of endless) if (each > 3) break;
    return [a, b, closed, Array.from({ length: 2, 0: 'x' })];
  },
  '[0, 2, 2, ["x", undefined]]',
);
is(
  'destructuring',
  () => {
    const {
      a = 1,
      b: { c = 2, ...rest } = { d: 3 } as { c?: number; d: number },
      ...others
    } = { e: 5, f: 6 } as { a?: number; b?: { c?: number; d: number } };
    const [x = 10, [y] = [20], ...z] = [undefined, undefined, 3, 4] as [number?, number[]?, ...number[]];
    let [p, q] = [1, 2];
    [p, q] = [q, p];
    return [a, c, rest, others, x, y, z, p, q];
  },
  '[1, 2, {d: 3}, {e: 5, f: 6}, 10, 20, [3, 4], 2, 1]',
);
is(
  'destructuring of nothing',
  () => {
    const { a } = of(undefined) as unknown as { a: number };
    return a;
  },
  'TypeError',
);
is(
  'operators',
  () => {
    const value = { a: null as number | null, b: 0, c: undefined as { d: number[] } | undefined };
    value.a ??= 5;
    value.b ||= 6;
    value.b &&= 7;
    return [
      value.a,
      value.b,
      value.c?.d[0],
      value.c?.d?.map(String),
      of(0) ?? 1,
      2 ** (3 ** 2),
      typeof undefined,
      void 0,
    ];
  },
  '[5, 7, undefined, undefined, 0, 512, "undefined", undefined]',
);
is(
  'defaults and the rest of parameters',
  () => {
    const take = (first: number, second = first * 2, ...rest: number[]) => [first, second, rest];
    return [take(1), take(1, undefined, 3, 4), take.length];
  },
  '[[1, 2, []], [1, 2, [3, 4]], 1]',
);
is(
  'closures of loops',
  () => {
    const made: (() => number)[] = [];
    for (let at = 0; at < 3; at++) made.push(() => at++);
    return [made.map((act) => act()), made.map((act) => act())];
  },
  '[[0, 1, 2], [1, 2, 3]]',
);
is(
  'constants before they are set',
  () => {
    const early = () => late;
    const before = early();
    const late = 1;
    return before;
  },
  'ReferenceError',
);
is(
  'getters, setters, computed names',
  () => {
    const name = 'x';
    let held = 1;
    const made = {
      get [`${name}1`]() {
        return held;
      },
      set [`${name}1`](value: number) {
        held = value * 2;
      },
      [`${name}2`]: 2,
    } as Record<string, number>;
    made.x1 = 5;
    return [made.x1, Object.keys(made), Object.getOwnPropertyDescriptor(made, 'x2')];
  },
  '[10, ["x1", "x2"], {value: 2, writable: true, enumerable: true, configurable: true}]',
);
is(
  'Proxy and Reflect',
  () => {
    const calls: string[] = [];
    const made = new Proxy({ a: 1 } as Record<string, unknown>, {
      get(target, name, receiver) {
        calls.push(String(name));
        return name in target ? Reflect.get(target, name, receiver) : () => `called ${String(name)}`;
      },
    });
    return [made.a, (made.anything as () => string)(), calls];
  },
  '[1, "called anything", ["a", "anything"]]',
);
is(
  'Symbol',
  () => [
    Symbol('a').description,
    Symbol.keyFor(Symbol.for('a')),
    Symbol('a').toString() === String(Symbol.for('a')),
    typeof Symbol.asyncIterator,
    Object.prototype.toString.call({ [Symbol.toStringTag]: 'T' }),
    `${{ [Symbol.toPrimitive]: () => 'p' }}`,
  ],
  '["a", "a", true, "symbol", "[object T]", "p"]',
);
is('what is disposed of', () => typeof (Symbol as { dispose?: symbol }).dispose, '"symbol"');
is('waiting', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1), '"timed-out"');
is(
  'switch',
  () =>
    ['a', 'b', 'c', 'd'].map((each) => {
      switch (each) {
        case 'a':
        case 'b':
          return 1;
        case 'c':
          return 3;
        default:
          return 2;
      }
    }),
  '[1, 1, 3, 2]',
);
is(
  'Date',
  () => [
    new Date(0).toISOString(),
    new Date(1_700_000_000_123).toISOString(),
    Date.UTC(2024, 1, 29),
    Date.parse('2024-02-29T12:00:00Z'),
    new Date(NaN).getTime(),
    new Date(-1).toISOString(),
  ],
  '["1970-01-01T00:00:00.000Z", "2023-11-14T22:13:20.123Z", 1709164800000, 1709208000000, NaN, "1969-12-31T23:59:59.999Z"]',
);
is('no date as text', () => new Date(of(NaN)).toISOString(), 'RangeError');
is(
  'endless recursion ends',
  () => {
    const down = (): number => down() + 1;
    try {
      return down();
    } catch (error) {
      return ['RangeError', 'InternalError'].includes((error as Error).name);
    }
  },
  'true',
);

export const FEATURES: readonly Feature[] = rows.map(([name, act, gives]) => ({ name, act, gives }));

/** What takes its turn: to be awaited. @returns the order in which things happened. */
export async function turns(): Promise<string> {
  const order: unknown[] = [];
  async function* counted() {
    try {
      yield 1;
      yield Promise.resolve(2);
      yield 3;
    } finally {
      order.push('closed');
    }
  }
  const failing = async () => {
    await null;
    throw new TypeError('late');
  };
  Promise.resolve().then(() => order.push('then'));
  order.push('now');
  await null;
  for await (const each of counted()) {
    order.push(each);
    if (each === 2) break;
  }
  for await (const each of [Promise.resolve('a'), 'b']) order.push(each);
  await failing()
    .catch(({ name }) => order.push(name))
    .finally(() => order.push('finally'));
  order.push(await Promise.all([1, Promise.resolve(2)]));
  order.push((await Promise.allSettled([failing(), 3])).map(({ status }) => status));
  order.push(await Promise.race([new Promise(() => undefined), Promise.resolve('first')]));
  order.push(await Promise.any([failing(), Promise.resolve('any')]));
  return shown(order);
}

export const TURNS =
  '["now", "then", 1, 2, "closed", "a", "b", "TypeError", "finally", [1, 2], ["rejected", "fulfilled"], "first", "any"]';
