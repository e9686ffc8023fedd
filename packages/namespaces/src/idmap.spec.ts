import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstSubordinates, formatIdMap, holesOf, type IdRange, mapOf, parseIdMap, parseIdRange } from './idmap.ts';

/** Ranges that overlap on neither side, as the kernel wants them. */
const ranges: fc.Arbitrary<IdRange[]> = fc
  .array(fc.tuple(fc.nat(50), fc.nat(50), fc.integer({ min: 1, max: 40 })), { maxLength: 5 })
  .map((parts) => {
    let inner = 0;
    let outer = 1000;
    return parts.map(([innerGap, outerGap, count]) => {
      inner += innerGap;
      outer += outerGap;
      const range = { inner, outer, count };
      inner += count;
      outer += count;
      return range;
    });
  });

/** Every pair of ids that a map makes. */
const pairs = (map: readonly IdRange[]) =>
  map.flatMap(({ inner, outer, count }) =>
    Array.from({ length: count }, (_, index) => [inner + index, outer + index] as const),
  );

describe('a single id in front of ranges', () => {
  const single = fc.record({ inner: fc.nat(300), outer: fc.integer({ min: 900, max: 1300 }) });

  test('maps it, and nothing twice', () => {
    fc.assert(
      fc.property(ranges, single, (given, one) => {
        const made = pairs(mapOf(given, one));
        expect(made[0]).toEqual([one.inner, one.outer]);
        expect(new Set(made.map(([inner]) => inner)).size).toBe(made.length);
        expect(new Set(made.map(([, outer]) => outer)).size).toBe(made.length);
      }),
    );
  });

  test('uses only ids that were given, each side in order, and loses one pair for each range at most', () => {
    fc.assert(
      fc.property(ranges, single, (given, one) => {
        const before = pairs(given);
        const [, ...rest] = pairs(mapOf(given, one));
        const inner = new Set(before.map(([id]) => id));
        const outer = new Set(before.map(([, id]) => id));
        for (const [a, b] of rest) expect([inner.has(a), outer.has(b)]).toEqual([true, true]);
        expect(rest.map(([id]) => id)).toEqual(rest.map(([id]) => id).sort((a, b) => a - b));
        const touched = given.filter(
          ({ inner: from, outer: to, count }) =>
            (one.inner >= from && one.inner < from + count) || (one.outer >= to && one.outer < to + count),
        );
        expect(rest.length).toBe(before.length - touched.length);
      }),
    );
  });

  test('holes on both sides', () => {
    expect(mapOf([{ inner: 0, outer: 100, count: 10 }], { inner: 0, outer: 1000 })).toEqual([
      { inner: 0, outer: 1000, count: 1 },
      { inner: 1, outer: 100, count: 9 },
    ]);
    expect(mapOf([{ inner: 0, outer: 100, count: 10 }], { inner: 3, outer: 105 })).toEqual([
      { inner: 3, outer: 105, count: 1 },
      { inner: 0, outer: 100, count: 3 },
      { inner: 4, outer: 103, count: 2 },
      { inner: 6, outer: 106, count: 4 },
    ]);
    expect(mapOf([{ inner: 5, outer: 100, count: 1 }], { inner: 5, outer: 7 })).toEqual([
      { inner: 5, outer: 7, count: 1 },
    ]);
  });
});

describe('a block of subordinate ids', () => {
  const block = fc.record({ outer: fc.integer({ min: 1000, max: 1040 }), count: fc.integer({ min: 1, max: 40 }) });
  const single = fc.record({ inner: fc.nat(60), outer: fc.integer({ min: 990, max: 1090 }) });

  test('every id of it is mapped, beside the single one, from 0 on and in order', () => {
    fc.assert(
      fc.property(block, single, (given, one) => {
        const made = pairs(mapOf([given], one));
        expect(made[0]).toEqual([one.inner, one.outer]);
        const free = Array.from({ length: 100 }, (_, id) => id).filter((id) => id !== one.inner);
        const ids = Array.from({ length: given.count }, (_, index) => given.outer + index);
        const wanted = ids.filter((id) => id !== one.outer).map((id, index) => [free[index], id]);
        expect(made.slice(1)).toEqual(wanted);
      }),
    );
  });

  test.each([
    [
      'one id',
      1,
      0,
      [
        [0, 4242, 1],
        [1, 100000, 1],
      ],
    ],
    [
      'the usual number',
      65536,
      0,
      [
        [0, 4242, 1],
        [1, 100000, 65536],
      ],
    ],
    [
      'with the own id kept',
      65536,
      4242,
      [
        [4242, 4242, 1],
        [0, 100000, 4242],
        [4243, 104242, 61294],
      ],
    ],
    [
      'all that can be',
      4294867295,
      0,
      [
        [0, 4242, 1],
        [1, 100000, 4294867295],
      ],
    ],
  ] as const)('%s', (_, count, inner, made) => {
    expect(mapOf([{ outer: 100000, count }], { inner, outer: 4242 })).toEqual(
      made.map(([a, b, c]) => ({ inner: a, outer: b, count: c })),
    );
  });

  test('of all ids there are none is free for one more', () => {
    expect(mapOf([{ outer: 0, count: 0xffff_ffff }], { inner: 0, outer: 7 })).toEqual([
      { inner: 0, outer: 7, count: 1 },
      { inner: 1, outer: 0, count: 7 },
      { inner: 8, outer: 8, count: 0xffff_ffff - 8 },
    ]);
  });

  test('without a single id, from 0 on', () => {
    expect(mapOf([{ outer: 5, count: 3 }], undefined)).toEqual([{ inner: 0, outer: 5, count: 3 }]);
  });
});

test('a map in the form of the kernel comes back', () => {
  fc.assert(
    fc.property(ranges, (map) => {
      expect(parseIdMap(formatIdMap(map))).toEqual(map);
    }),
  );
  expect(parseIdMap('         0          0 4294967295\n')).toEqual([{ inner: 0, outer: 0, count: 4294967295 }]);
});

test('a map as the kernel pads it comes back', () => {
  const padded = (map: readonly IdRange[]) =>
    map
      .map((range) => [range.inner, range.outer, range.count].map((id) => String(id).padStart(10)).join(' '))
      .join('\n');
  fc.assert(
    fc.property(ranges, (map) => {
      expect(parseIdMap(`${padded(map)}\n`)).toEqual(map);
    }),
  );
});

test.each([
  '',
  'x',
  '0 0',
  '0 0 0',
  '0 1 2 3',
  '-1 0 1',
  '0x1 0 1',
  '1e3 0 1',
  '4294967295 0 1',
  '0 4294967295 1',
  '1 0 4294967295',
  '0 1 4294967295',
  '4294967296 0 1',
  '0 0 99999999999999999999',
])('%j is no line of a map: its ids are not mapped', (line) => {
  expect(parseIdMap(`${line}\n5 6 7\n`)).toEqual([{ inner: 5, outer: 6, count: 7 }]);
});

describe('a range on the command line', () => {
  const id = fc.integer({ min: 0, max: 0xffff_fffe });

  test('comes back from either order, leading zeros or not', () => {
    fc.assert(
      fc.property(id, id, fc.nat(), fc.nat(3), (inner, outer, part, zeros) => {
        const many = 1 + (part % (0xffff_ffff - Math.max(inner, outer)));
        const [a, b, c] = [inner, outer, many].map((value) => '0'.repeat(zeros) + value);
        const range = { inner, outer, count: many };
        expect(parseIdRange(`${a}:${b}:${c}`)).toEqual(range);
        expect(parseIdRange(`${b},${a},${c}`)).toEqual(range);
      }),
    );
  });

  test('of any text: nothing, or ids that the kernel can have', () => {
    const words = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9:, +-]{0,24}$/),
      fc.stringMatching(/^\d{1,12}:\d{1,12}:\d{1,12}$/),
    );
    fc.assert(
      fc.property(words, (text) => {
        const range = parseIdRange(text);
        if (!range) return;
        for (const first of [range.inner, range.outer])
          expect(first + range.count - 1).toBeLessThanOrEqual(0xffff_fffe);
        expect(range.count).toBeGreaterThan(0);
        expect(text).toMatch(/^\d+[:,]\d+[:,]\d+$/);
      }),
    );
  });
});

test('mapped ids and holes are all there is up to the highest, each once', () => {
  fc.assert(
    fc.property(ranges, fc.infiniteStream(fc.nat()), (map, order) => {
      const shuffled = map
        .map((range) => ({ range, at: order.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ range }) => range);
      const inside = pairs(map).map(([inner]) => inner);
      const outside = holesOf(shuffled).flatMap(({ first, last }) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      );
      const highest = Math.max(-1, ...inside);
      expect([...inside, ...outside].sort((a, b) => a - b)).toEqual(Array.from({ length: highest + 1 }, (_, at) => at));
    }),
  );
});

test('both orders of a range on the command line', () => {
  expect(parseIdRange('0:1000:1')).toEqual({ inner: 0, outer: 1000, count: 1 });
  expect(parseIdRange('1000,0,1')).toEqual({ inner: 0, outer: 1000, count: 1 });
  for (const wrong of [
    '',
    '0',
    '0:1',
    '0:1:2:3',
    '0:1,2',
    'a:1:2',
    '0:1:0',
    '0:1:99999999999',
    '0:1:4294967295',
    '4294967295:0:1',
    '0:4294967295:1',
    '0x0:1:2',
    '1e3:0:1',
    '0:0:1:',
    '-1:0:1',
    ' 0:1:2',
    '0:1:2 ',
  ])
    expect(parseIdRange(wrong), wrong).toBeUndefined();
});

test('the first block of subordinate ids, by name or number', () => {
  const file = 'root:1:2\nanna:100000:65536\nanna:200000:10\n1001:300000:5\nbroken\nanna:\n';
  expect(firstSubordinates(file, 'anna', 1000)).toEqual({ start: 100000, count: 65536 });
  expect(firstSubordinates(file, undefined, 1001)).toEqual({ start: 300000, count: 5 });
  expect(firstSubordinates(file, 'nobody', 65534)).toBeUndefined();
  expect(firstSubordinates('1000:5:1', undefined, 1000)).toEqual({ start: 5, count: 1 });
  expect(firstSubordinates('root:1:2', 'ro', 0)).toBeUndefined();
});

test.each([
  'anna::1',
  'anna:1:',
  'anna:1:0',
  'anna:x:1',
  'anna:1:1:1',
  'anna: 1:1',
  'anna:-1:5',
  'anna:1e3:1',
  'anna:4294967295:1',
  'anna:4294967294:2',
  'anna:0:99999999999999999999',
  'anna:1:1\r',
])('%j holds no block, and no later line counts', (line) =>
  expect(firstSubordinates(`other:1:1\n${line}\nanna:7:7\n`, 'anna', 1000)).toBe(line),
);

test('the last id there is', () => {
  expect(firstSubordinates('anna:4294967294:1', 'anna', 1000)).toEqual({ start: 4294967294, count: 1 });
});

test.each([
  ['0 1000 1\n', []],
  ['5 1000 1\n', [[0, 4]]],
  ['1000 0 1\n0 100000 1000\n1001 101000 64535\n', []],
  [
    '0 100000 10\n20 200000 5\n26 1 1\n',
    [
      [10, 19],
      [25, 25],
    ],
  ],
  ['', []],
])('ids below the highest of %j that are not mapped: %j', (map, holes) =>
  expect(holesOf(parseIdMap(map)).map(({ first, last }) => [first, last])).toEqual(holes),
);
