/**
 * What Buffer is asked, as a list of calls: each gives a line of text, which is the same for Node's Buffer and for ours, in Node and in
 * the engine. Nothing but the language is used here.
 */

export type AnyBuffer = BufferConstructor;

export interface Case {
  readonly name: string;
  readonly act: (buffer: AnyBuffer) => unknown;
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param buffer What counts as one, whatever a bundler has called it. */
function written(value: unknown, buffer?: AnyBuffer): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (buffer && value instanceof buffer) return `Buffer<${hex(value)}>`;
  if (ArrayBuffer.isView(value)) return `${Object.prototype.toString.call(value)}<${hex(value as Uint8Array)}>`;
  if (Array.isArray(value)) return `[${value.map((each) => written(each, buffer)).join(', ')}]`;
  // ASCII alone: the engine's output is not at stake here.
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What a call gives, or the class and code of its error. */
export function outcome({ act }: Case, buffer: AnyBuffer): string {
  try {
    return written(act(buffer), buffer);
  } catch (error) {
    const { name, code } = error as { name: string; code?: string };
    return `${name} ${code ?? ''}`.trim();
  }
}

type Call = (...operands: never[]) => unknown;

const calling = (target: object, method: string, operands: readonly unknown[]) =>
  (target as Record<string, Call>)[method]?.(...(operands as never[]));

/** All ways to take one of each list. */
function product(lists: readonly (readonly unknown[])[]): unknown[][] {
  return lists.reduce<unknown[][]>((all, list) => all.flatMap((head) => list.map((each) => [...head, each])), [[]]);
}

/** Without operands at the end that are left out. */
function trimmed(operands: readonly unknown[]): readonly unknown[] {
  let length = operands.length;
  while (length && operands[length - 1] === undefined) length--;
  return operands.slice(0, length);
}

/** A method of a buffer with these bytes, in all ways; what it returns, and the bytes behind. */
function calls(method: string, bytes: readonly number[], lists: readonly (readonly unknown[])[]): Case[] {
  return product(lists).map((each) => {
    const operands = trimmed(each);
    return {
      name: `<${hex(Uint8Array.from(bytes))}>.${method}(${operands.map((each) => written(each)).join(', ')})`,
      act(buffer) {
        const target = buffer.from(bytes as number[]);
        const result = calling(target, method, operands);
        return [result === target ? 'itself' : result, target];
      },
    };
  });
}

function statics(method: string, lists: readonly (readonly unknown[])[]): Case[] {
  return product(lists).map((each) => {
    const operands = trimmed(each);
    return {
      name: `Buffer.${method}(${operands.map((each) => written(each)).join(', ')})`,
      act: (buffer) => calling(buffer, method, operands),
    };
  });
}

const TEN = [0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x12, 0x34, 0x56, 0x9a];
const OFFSETS = [undefined, 0, 1, 2, 3, 6, 7, 8, 9, 10, 11, -1, 1.5, NaN, Infinity, 2 ** 32, 2 ** 53, '1', null, 1n];

const NAMES = ['Int8', 'Int16LE', 'Int16BE', 'Int32LE', 'Int32BE', 'BigInt64LE', 'BigInt64BE'].flatMap((name) => [
  name,
  name.replace('Int', 'UInt'),
]);

function valuesFor(name: string): unknown[] {
  const bits = BigInt(/\d+/.exec(name)?.[0] ?? 0);
  const isUnsigned = name.includes('UInt');
  const least = isUnsigned ? 0n : -(1n << (bits - 1n));
  const most = (1n << (bits - (isUnsigned ? 0n : 1n))) - 1n;
  const edges = [least - 1n, least, -1n, 0n, 1n, most - 1n, most, most + 1n];
  if (name.startsWith('Big')) return [...edges, 1n << 70n, -(1n << 70n), 5, undefined, '5'];
  return [...edges.map(Number), 1.5, -0.5, NaN, Infinity, -Infinity, '7', 'x', undefined, null, true];
}

const numbers = NAMES.flatMap((name) => [
  ...calls(`read${name}`, TEN, [OFFSETS]),
  ...calls(`read${name}`, [], [[undefined, 0]]),
  ...calls(`write${name}`, TEN, [valuesFor(name), [undefined, 0, 2]]),
  ...calls(`write${name}`, TEN, [[name.startsWith('Big') ? 1n : 1], OFFSETS]),
  ...calls(`write${name}`, [1], [[name.startsWith('Big') ? 1n : 1], [undefined, 0, 1]]),
]);

const SIZES = [undefined, 0, 1, 2, 3, 4, 5, 6, 7, -1, 1.5, '2', null];
const sized = [
  ...calls('readUIntLE', TEN, [OFFSETS, SIZES]),
  ...calls('writeUIntLE', TEN, [
    [0, 1, 0xff, 0x100, 0x1234, 2 ** 24, 2 ** 32 - 1, 2 ** 47 + 5, 2 ** 48 - 1, 2 ** 48, -1, 1.5, '3', undefined],
    [0, 4, 9, -1],
    SIZES,
  ]),
  ...calls('writeUIntLE', TEN, [[1], [undefined, '1', null], SIZES]),
];

const TEXTS = [
  '',
  'a',
  'plain text',
  'Grüße, \u0000 \u007f\u0080\u00ff',
  '\u0100\uffff\ufffd',
  '日本語 😀 e\u0301',
  'a\ud800b',
  '\udc80\udcff',
  '\ude00\ud83d',
  '\ufeffmark',
  'x'.repeat(5000),
];
const ENCODINGS = [undefined, 'utf8', 'utf-8', 'UTF-8', 'latin1', 'binary', 'ascii', 'Latin1', 'nothing'];
const CODED = [
  ...['', 'a', 'ab', 'abc', 'AbCd', '0g11', '11zz22', ' 11', 'ffé0', '00'.repeat(300)].map((text) => [text, 'hex']),
  ...[
    '',
    'YQ==',
    'YWI=',
    'YWJj',
    'YQ',
    'Y',
    'YW\nJj',
    'YQ==YQ==',
    'YWJj!ZGVm',
    'ab-_',
    'ab+/',
    'YWJjZGVm'.repeat(80),
  ].map((text) => [text, 'base64']),
  ...['', 'YQ', '-_-_', '+/+/', 'YWJj'].map((text) => [text, 'base64url']),
] as [string, string][];

const texts = [
  ...statics('from', [TEXTS, ENCODINGS]),
  ...statics('byteLength', [TEXTS, ENCODINGS.slice(0, -1)]),
  ...CODED.flatMap(([text, encoding]) => [
    ...statics('from', [[text], [encoding, encoding.toUpperCase()]]),
    ...calls('write', TEN, [[text], [0, 3, 9], [encoding]]),
    ...calls('write', TEN, [[text], [2], [1, 2, 3], [encoding]]),
  ]),
  ...['', '00', '6162', 'YQ==', 'YWI=', 'YWJjZA=='].flatMap((text) => [
    ...statics('byteLength', [[text], ['hex', 'base64', 'base64url']]),
  ]),
  ...calls('write', TEN, [
    ['', 'a', 'é', '€', '😀', 'ab€', 'abcdefghijklmn', 'éééééé', '\ud800'],
    [0, 1, 7, 8, 9, 10, 11, -1, 1.5, NaN],
    [undefined, 0, 1, 2, 3, 10, 11, -1, 'latin1', 'utf8'],
  ]),
  ...calls('write', TEN, [['', 'a', '€', 'éééééé', 'abcdefghijklmn']]),
  ...calls('write', TEN, [['é\u0141'], [1], [3], ['latin1', 'utf8', 'ascii', 'nothing']]),
  ...calls('write', TEN, [
    ['ab', 'é'],
    ['latin1', 'utf8', 'hex', 'nothing'],
  ]),
  ...calls('write', TEN, [
    [5, undefined, null],
    [undefined, 0],
  ]),
];

/** Valid and broken: too long, cut off, surrogates, beyond Unicode, with a byte order mark. */
const SEQUENCES = [
  [],
  [0x61],
  [0xef, 0xbb, 0xbf, 0x61],
  [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xf0, 0x9f, 0x98, 0x61],
  [0xe2, 0x28, 0xa1],
  [0xc0, 0xaf],
  [0xc1, 0xbf],
  [0xe0, 0x80, 0xaf],
  [0xe0, 0x9f, 0xbf],
  [0xed, 0x9f, 0xbf, 0xed, 0xa0, 0x80, 0xed, 0xbf, 0xbf, 0xee, 0x80, 0x80],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x8f, 0xbf, 0xbf, 0xf4, 0x90, 0x80, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0x80, 0xbf, 0xfe, 0xff],
  [0xc3, 0xc3, 0xa9],
  [0xf0, 0x9f, 0xc3, 0xa9],
  [0x00, 0x7f, 0x80, 0xff],
];
const RANGE = [undefined, 0, 1, 3, 9, 10, 11, -1, 1.7, NaN, Infinity, '2', null];

const read = [
  ...SEQUENCES.flatMap((bytes) =>
    calls('toString', bytes, [[undefined, 'utf8', 'UTF8', 'latin1', 'binary', 'ascii', 'hex', 'base64', 'base64url']]),
  ),
  ...calls('toString', TEN, [['nothing', '']]),
  ...calls('toString', TEN, [['utf8', 'latin1', 'hex', 'base64', 'base64url'], RANGE, RANGE]),
  ...[1, 2, 3, 4, 5, 4097].map(
    (size): Case => ({
      name: `${size} bytes as text`,
      act: (buffer) =>
        ['hex', 'base64', 'base64url', 'latin1', 'ascii', 'utf8'].map((encoding) =>
          buffer.from(Array.from({ length: size }, (_, index) => (index * 37) & 0xff)).toString(encoding as 'hex'),
        ),
    }),
  ),
  ...calls('subarray', TEN, [RANGE, RANGE]),
  ...calls('slice', TEN, [RANGE, RANGE]),
];

const made: Case[] = [
  ...statics('alloc', [
    [0, 1, 5, -1, 1.5, NaN, '3', undefined, null, 2 ** 53],
    [undefined, 0, 7, 'ab', 'é', '', 'x', new Uint8Array([1, 2])],
  ]),
  ...statics('alloc', [[5], ['6162', 'YQ==', 'é', ''], ['hex', 'base64', 'latin1', 'nothing']]),
  ...['allocUnsafe', 'allocUnsafeSlow'].flatMap((method) =>
    [0, 1, 4095, 4096, 70_000, -1, '3', undefined].map(
      (size): Case => ({
        name: `Buffer.${method}(${String(size)})`,
        act: (buffer) => {
          const bytes = calling(buffer, method, [size]) as Buffer;
          return [bytes.length, bytes instanceof buffer, bytes.byteOffset >= 0];
        },
      }),
    ),
  ),
  ...statics('from', [
    [
      [],
      [1, 2, 3],
      [256, -1, 1.9, '7', NaN, undefined],
      new Uint8Array([9, 8]),
      new Uint16Array([1, 258]),
      new Uint32Array([1, 65_537]),
      undefined,
      null,
      5,
      true,
      1n,
      Symbol.iterator,
    ],
  ]),
  ...product([
    [undefined, 0, 1, 4, 5, NaN, '1'],
    [undefined, 0, 1, 3, 4, 5, -1, NaN, '2'],
  ]).map(
    ([offset, length]): Case => ({
      name: `Buffer.from(memory, ${written(offset)}, ${written(length)})`,
      act(buffer) {
        const memory = new Uint8Array([1, 2, 3, 4]);
        const bytes = calling(buffer, 'from', [memory.buffer, offset, length]) as Buffer;
        if (bytes.length) bytes[0] = 77;
        return [bytes, memory];
      },
    }),
  ),
  {
    name: 'a copy shares nothing, a part shares all',
    act(buffer) {
      const bytes = buffer.from([1, 2, 3, 4]);
      const copy = buffer.from(bytes);
      copy[0] = 9;
      bytes.subarray(1, 3)[0] = 8;
      bytes.slice(2)[0] = 7;
      return [
        bytes,
        copy,
        buffer.isBuffer(bytes.subarray(1)),
        buffer.isBuffer(new Uint8Array(1)),
        buffer.isBuffer('x'),
      ];
    },
  },
  {
    name: 'what Uint8Array has',
    act(buffer) {
      const bytes = buffer.from([3, 1, 2]);
      return [
        bytes.map((byte) => byte * 2),
        bytes.filter((byte) => byte > 1),
        [...bytes],
        bytes.at(-1),
        bytes.reduce((sum, byte) => sum + byte, 0),
        bytes.every((byte) => byte > 0),
        bytes.findIndex((byte) => byte > 2),
        bytes.join('-'),
        buffer.from(bytes).sort(),
        buffer.from(bytes).reverse(),
        bytes.toReversed().length,
        buffer.from([1, 2, 3, 4]).copyWithin(0, 2),
        Array.from(bytes.entries()),
        bytes instanceof Uint8Array,
        Object.keys(bytes),
        JSON.stringify(Object.entries(bytes)),
      ];
    },
  },
  ...product([
    [[[]], [[1], [2, 3]], [[1], [], [2]]],
    [undefined, 0, 1, 2, 5, -1, 1.5, '2'],
  ]).map(
    ([list, total]): Case => ({
      name: `Buffer.concat(${written(list)}, ${written(total)})`,
      act: (buffer) => calling(buffer, 'concat', [(list as number[][]).map((bytes) => Uint8Array.from(bytes)), total]),
    }),
  ),
  ...statics('concat', [[[], undefined, 'ab', [1], ['a'], [[1]], new Uint8Array(2)]]),
  ...statics('byteLength', [
    [
      new Uint8Array(3),
      new Uint16Array(3),
      new ArrayBuffer(5),
      new DataView(new ArrayBuffer(6)),
      undefined,
      5,
      null,
      {},
    ],
  ]),
];

const ORDER = [[], [0], [1], [1, 2], [1, 2, 3], [1, 3], [255], [0, 0]];
const compared: Case[] = product([ORDER, ORDER]).map(([left, right]) => ({
  name: `${written(left)} and ${written(right)}`,
  act(buffer) {
    const [one, other] = [buffer.from(left as number[]), Uint8Array.from(right as number[])];
    return [buffer.compare(one, other), buffer.compare(other, one), one.equals(other)];
  },
}));

const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);
const changed = [
  ...calls('fill', TEN, [
    [0, 7, 256, -1, 1.5, 'a', 'ab', 'é', '', 'abcdefghijklmnop', bytesOf(1), bytesOf(1, 2, 3), bytesOf(), true],
    [undefined, 0, 2, 10, 11, -1],
    [undefined, 0, 1, 5, 10, 11, -1],
  ]),
  ...calls('fill', TEN, [
    ['é', '61', 'zz', 'YQ==', ''],
    [0, 1],
    [5, 10],
    ['latin1', 'hex', 'base64', 'utf8', 'nothing'],
  ]),
  ...calls('fill', TEN, [
    ['é', '6162'],
    ['latin1', 'hex'],
  ]),
  ...calls('fill', TEN, [['é', '6162'], [1], ['latin1', 'hex']]),
  ...product([
    [undefined, 0, 1, 4, 5, 9, -1, 1.5, NaN, '2'],
    [undefined, 0, 1, 9, 10, 11, -1, 1.5, '2'],
    [undefined, 0, 1, 9, 10, 11, -1, 2.5],
  ]).map(
    ([at, from, to]): Case => ({
      name: `copy to 5 bytes, ${[at, from, to].map((each) => written(each)).join(', ')}`,
      act(buffer) {
        const target = buffer.alloc(5);
        return [calling(buffer.from(TEN), 'copy', [target, at, from, to]), target];
      },
    }),
  ),
  ...product([
    [0, 1, 3],
    [0, 2, 4],
    [5, 8, 10],
  ]).map(
    ([at, from, to]): Case => ({
      name: `copy within, ${[at, from, to].map((each) => written(each)).join(', ')}`,
      act(buffer) {
        const bytes = buffer.from(TEN);
        return [calling(bytes, 'copy', [bytes, at, from, to]), bytes];
      },
    }),
  ),
  ...calls('copy', TEN, [[undefined, 5, 'text', [1]]]),
  ...calls('equals', TEN, [[undefined, 5, 'text', [1]]]),
  ...statics('compare', [
    [undefined, 'a', bytesOf(1)],
    [undefined, bytesOf(1), [1]],
  ]),
];

const FOUND = [1, 2, 3, 1, 2, 0x61, 0x62, 0x61, 0xc3, 0xa9];
const searched = ['indexOf', 'lastIndexOf', 'includes'].flatMap((method) => [
  ...calls(method, FOUND, [
    [
      1,
      2,
      0x61,
      5,
      257,
      -255,
      1.5,
      'a',
      'ab',
      'b',
      'é',
      'x',
      '',
      bytesOf(1, 2),
      bytesOf(2),
      bytesOf(2, 0x61),
      bytesOf(0xa9),
      bytesOf(),
    ],
    [undefined, 0, 1, 3, 9, 10, 11, -1, -3, -10, -11, -12, 1.5, NaN, Infinity, -Infinity, null, '3'],
  ]),
  ...calls(method, FOUND, [
    ['6162', 'YWI=', 'é', 'Ã'],
    [undefined, 0, 6],
    ['hex', 'base64', 'latin1', 'utf8'],
  ]),
  ...calls(method, FOUND, [
    ['6162', 'Ã'],
    ['hex', 'latin1'],
  ]),
  ...calls(method, [], [[1, 'a', '', bytesOf()]]),
  ...calls(method, FOUND, [[undefined, null, {}, true, [1]]]),
]);

export const CASES: readonly Case[] = [
  ...numbers,
  ...sized,
  ...texts,
  ...read,
  ...made,
  ...compared,
  ...changed,
  ...searched,
];
