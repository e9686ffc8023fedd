/** Archives of anybody: what they say is read strictly, and reading them takes no longer than they are. */
import { describe, expect, test } from 'vitest';
import { LayerError } from './errors.ts';
import { formatRecords } from './tar.ts';
import { checked, parseRecords, readTar } from './untar.ts';

interface RawEntry {
  readonly name: string;
  readonly type?: string;
  readonly data?: string | Buffer;
  /** What the header says, where that is not the truth. */
  readonly size?: number;
}

const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;

/** The checksum that fits. */
function summed(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function block({ name, type = '0', data = '', size = data.length }: RawEntry): Buffer {
  const header = Buffer.alloc(512);
  const fields: readonly (readonly [at: number, text: string])[] = [
    [0, name],
    [100, octal(0o644, 8)],
    [124, octal(size, 12)],
    [156, type],
    [257, 'ustar\x0000'],
  ];
  for (const [at, text] of fields) header.write(text, at, 'latin1');
  return Buffer.concat([summed(header), Buffer.from(data), Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

const archive = (...entries: readonly RawEntry[]) => Buffer.concat([...entries.map(block), Buffer.alloc(1024)]);
const records = (values: Readonly<Record<string, string>>): RawEntry => ({
  name: 'h',
  type: 'x',
  data: formatRecords(values),
});

const collect = async (source: AsyncIterable<Uint8Array>) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
};
const entriesOf = async (...chunks: Uint8Array[]) => {
  const all = [];
  for await (const { entry, content, offset } of readTar(chunks))
    all.push({ ...entry, text: (await collect(content)).toString(), offset });
  return all;
};
const END = 1024;
const X: RawEntry = { name: 'x', data: 'text' };

/** An archive with some bytes of its first header replaced, and the checksum that fits. */
function patched(bytes: Buffer, at: number, patch: Buffer | string): Buffer {
  const copy = Buffer.from(bytes);
  Buffer.from(patch as string, 'latin1').copy(copy, at);
  return summed(copy);
}

describe('the end', () => {
  test('may be missing, but not half of a file', async () => {
    const whole = archive(X, { name: 'y' });
    const bare = whole.subarray(0, -END);
    for (const bytes of [bare, whole.subarray(0, -512), whole, Buffer.concat([whole, Buffer.alloc(9000)])])
      expect((await entriesOf(bytes)).map(({ path }) => path)).toEqual(['x', 'y']);
    for (const cut of [1, 511, 513]) await expect(entriesOf(bare.subarray(0, -cut))).rejects.toThrow(/is cut off/);
    await expect(entriesOf(archive(records({ path: 'z' })).subarray(0, -END))).rejects.toThrow(/is cut off/);
  });

  test('all behind it is read, and means nothing', async () => {
    let isRead = false;
    async function* source() {
      yield archive(X);
      yield Buffer.from('no header');
      yield archive({ name: 'behind' });
      isRead = true;
    }
    const paths = [];
    for await (const { entry } of readTar(source())) paths.push(entry.path);
    expect({ paths, isRead }).toEqual({ paths: ['x'], isRead: true });
  });

  test('an error of what the bytes come from is the error', async () => {
    for (const after of [archive(X).subarray(0, 700), archive(X)]) {
      const source = async function* () {
        yield after;
        throw new LayerError('the source is gone');
      };
      const read = async () => {
        for await (const _ of readTar(source()));
      };
      await expect(read()).rejects.toThrow('the source is gone');
      await expect(collect(checked(source()))).rejects.toThrow('the source is gone');
    }
  });
});

test('checked: the same bytes, or an error', async () => {
  const whole = Buffer.concat([archive(X, { name: 'y', data: Buffer.alloc(70_000, 'y') }), Buffer.from('behind')]);
  for (const size of [1, 100, 512, 100_000]) {
    const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
      whole.subarray(index * size, (index + 1) * size),
    );
    expect((await collect(checked(pieces))).equals(whole), String(size)).toBe(true);
  }
  await expect(collect(checked([Buffer.alloc(600, 'x')]))).rejects.toThrow(/not a tar archive/);
});

describe('numbers', () => {
  const size = (text: string) => patched(archive(X), 124, text);

  test.each(['00000000004\0', '4\0junk junk', '          4 ', '\x80\0\0\0\0\0\0\0\0\0\0\x04'])('%j', async (text) => {
    expect((await entriesOf(size(text)))[0]).toMatchObject({ text: 'text', offset: 512 });
  });

  test.each([
    '0x4\0',
    '4e0\0',
    '-4\0',
    '9\0',
    '4 4\0',
    '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfc',
    '\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfc',
  ])('%j is none', async (text) => {
    await expect(entriesOf(size(text))).rejects.toThrow(/is no number that can stand there/);
  });

  test('of records', async () => {
    for (const wrong of ['0x4', '4e0', '-4', ' 4', '4 ', '1.5', '99999999999999999999'])
      for (const key of ['size', 'uid', 'gid', 'SCHILY.devmajor'])
        await expect(
          entriesOf(archive(records({ [key]: wrong }), key === 'SCHILY.devmajor' ? { name: 'c', type: '3' } : X)),
          `${key} ${wrong}`,
        ).rejects.toThrow(/is no number that can stand there/);
  });

  test('a size means something of files alone', async () => {
    expect((await entriesOf(archive({ name: 'l', type: '2', size: 4096 }, X))).map(({ path }) => path)).toEqual([
      'l',
      'x',
    ]);
  });

  test('times before 1970', async () => {
    expect(
      (await entriesOf(patched(archive(X), 136, Buffer.from('ffffffffffffffffffffffff', 'hex'))))[0]?.mtime,
    ).toEqual({
      seconds: -1n,
      nanoseconds: 0,
    });
  });
});

test('what no call takes: a NUL in a target, or in the name of an attribute', async () => {
  await expect(entriesOf(archive(records({ linkpath: 'a\0b' }), { name: 'l', type: '2' }))).rejects.toThrow(
    /has a NUL in it/,
  );
  await expect(entriesOf(archive(records({ 'SCHILY.xattr.user.a\0b': 'c' }), X))).rejects.toThrow(/has a NUL in it/);
});

describe('what describes files is bounded', () => {
  test('a record that seems to reach for another one', () => {
    expect(() => parseRecords(Buffer.from('4 a\n9 bb=cc\n'))).toThrow(LayerError);
    expect(() => parseRecords(Buffer.from('1e1 a=bcd\n'))).toThrow(LayerError);
  });

  test('records without an end', () => {
    const start = performance.now();
    expect(() => parseRecords(Buffer.from(`${'4 a\n'.repeat(1_000_000)}5 a=\n`))).toThrow(LayerError);
    expect(() => parseRecords(Buffer.alloc(4_000_000, '1'))).toThrow(LayerError);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('records for all files', async () => {
    const global = { name: 'g', type: 'g', data: formatRecords({ comment: 'x'.repeat(40_000) }) };
    expect(await entriesOf(archive(global, X))).toHaveLength(1);
    await expect(entriesOf(archive(global, global, X))).rejects.toThrow(/records for all files/);
  });

  test.each(['x', 'g', 'L', 'K'])('a header of type %s that would fill the memory', async (type) => {
    await expect(entriesOf(archive({ name: 'h', type, size: 2 ** 33 - 1 }))).rejects.toThrow(/the most is/);
  });

  test('a map of holes with many parts, and one that never ends', async () => {
    const count = 200_000;
    const numbers = Array.from({ length: count }, (_, index) => `${2 * index}\n1\n`).join('');
    const map = `${count}\n${numbers}`;
    const data = Buffer.concat([
      Buffer.from(map),
      Buffer.alloc((512 - (map.length % 512)) % 512),
      Buffer.alloc(count, 'x'),
    ]);
    const sparse = records({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': `${2 * count}` });
    const bytes = archive(sparse, { name: 's', data });
    const start = performance.now();
    const pieces = Array.from({ length: Math.ceil(bytes.length / 512) }, (_, at) =>
      bytes.subarray(512 * at, 512 * at + 512),
    );
    const [entry] = await entriesOf(...pieces);
    expect(entry?.extents).toHaveLength(count);
    expect(performance.now() - start).toBeLessThan(5000);
    for (const wrong of [
      'x',
      '2\n0\n1\n',
      `${'9'.repeat(20)}\n`,
      '1\n-1\n1\n',
      '1\n0\n1e1\n',
      '9'.repeat(2000),
      '2\n5\n1\n0\n1\n',
    ])
      await expect(
        entriesOf(
          archive(sparse, {
            name: 's',
            data: Buffer.concat([Buffer.from(wrong), Buffer.alloc(1024 - (wrong.length % 512))]),
          }),
        ),
        wrong.slice(0, 20),
      ).rejects.toThrow(LayerError);
  });
});

describe('what several programs write for one thing', () => {
  const long = `${'folder/'.repeat(40)}name`;
  const gnu = (type: 'L' | 'K', text: string): RawEntry => ({ name: '././@LongLink', type, data: `${text}\0` });

  test('names and targets of GNU tar; those of PAX come before them, those of the file before those for all', async () => {
    const link = { name: 'short', type: '2' };
    const of = async (...entries: RawEntry[]) => (await entriesOf(archive(...entries)))[0];
    const global = { name: 'g', type: 'g', data: formatRecords({ path: 'global', linkpath: 'all' }) };
    const own = records({ path: 'own', linkpath: 'mine' });
    const [name, target] = [gnu('L', long), gnu('K', `/${long}`)];
    expect(await of(name, target, link)).toMatchObject({ path: long, target: `/${long}` });
    expect(await of(target, name, link)).toMatchObject({ path: long, target: `/${long}` });
    expect(await of(global, name, link)).toMatchObject({ path: 'global', target: 'all' });
    for (const before of [
      [own, name, target],
      [name, target, own],
      [global, own],
    ])
      expect(await of(...before, link)).toMatchObject({ path: 'own', target: 'mine' });
    // An empty one takes back what is for all.
    expect(await of(global, records({ path: '', linkpath: '' }), link)).toMatchObject({ path: 'short' });
  });

  test('what describes one file is for no other one', async () => {
    const all = await entriesOf(archive(gnu('L', long), records({ uid: '7' }), X, { name: 'y' }));
    expect(all.map(({ path, uid }) => [path, uid])).toEqual([
      [long, 7],
      ['y', 0],
    ]);
  });

  test('a size in records, which the header does not have the room for', async () => {
    expect(await entriesOf(archive(records({ size: '4' }), { ...X, size: 0 }, { name: 'y' }))).toMatchObject([
      { path: 'x', text: 'text', size: 4 },
      { path: 'y' },
    ]);
  });

  test('base 256: as large as a number is exact, an id as large as the kernel has, and with its sign', async () => {
    const field = (width: number, value: bigint) => {
      const bytes = Buffer.alloc(width);
      for (let at = width - 1, left = value; at >= 0; at--, left >>= 8n) bytes[at] = Number(left & 0xffn);
      bytes[0] = (bytes[0] as number) | 0x80;
      return bytes;
    };
    const empty = archive({ name: 'x' });
    expect((await entriesOf(patched(empty, 108, field(8, 0xffff_fffen))))[0]?.uid).toBe(0xffff_fffe);
    expect((await entriesOf(patched(empty, 136, field(12, -1n))))[0]?.mtime.seconds).toBe(-1n);
    expect((await entriesOf(patched(empty, 136, field(12, 2n ** 62n))))[0]?.mtime.seconds).toBe(2n ** 62n);
    for (const [at, width, value] of [
      [108, 8, 0xffff_ffffn],
      [116, 8, 2n ** 40n],
      [116, 8, -1n],
      [124, 12, 2n ** 53n],
      [124, 12, 2n ** 64n],
      [124, 12, -512n],
    ] as const)
      await expect(entriesOf(patched(empty, at, field(width, value))), `${at} ${value}`).rejects.toThrow(
        /is no number that can stand there/,
      );
    // A size that can stand there, of which nothing comes.
    await expect(entriesOf(patched(empty, 124, field(12, 2n ** 53n - 1n)))).rejects.toThrow(/is cut off/);
  });

  test('sizes that no number can hold, in records', async () => {
    for (const key of ['size', 'GNU.sparse.realsize', 'GNU.sparse.size'])
      for (const value of [2n ** 53n, 2n ** 63n, 2n ** 64n, 10n ** 30n])
        await expect(entriesOf(archive(records({ [key]: `${value}` }), X)), `${key} ${value}`).rejects.toThrow(
          /is no number that can stand there/,
        );
  });
});

describe('holes', () => {
  const sparse = (more: Readonly<Record<string, string>>) =>
    records({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '10', ...more });
  const withMap = (map: string, data = '') =>
    archive(sparse({ 'GNU.sparse.name': 'real' }), { name: 's', data: map.padEnd(512, '\0') + data });

  test('the map in the data (1.0), and the name that belongs to it', async () => {
    expect(await entriesOf(withMap('2\n1\n2\n8\n2\n', 'abcd'))).toMatchObject([
      {
        path: 'real',
        size: 10,
        text: 'abcd',
        extents: [
          { offset: 1, size: 2 },
          { offset: 8, size: 2 },
        ],
      },
    ]);
  });

  test.each([
    ['beyond the end', '1\n8\n3\n'],
    ['that overlap', '2\n0\n4\n3\n1\n'],
    ['that overflow', `1\n${2 ** 53 - 1}\n${2 ** 53 - 1}\n`],
    ['too many', `${1024 * 1024 + 1}\n${'1\n'.repeat(252)}`],
  ])('parts %s', async (_, map) => {
    await expect(entriesOf(withMap(map, 'abc'))).rejects.toThrow("the map of holes of 'real' makes no sense");
  });

  test('a map that does not end', async () => {
    await expect(entriesOf(withMap('2\n1\n'))).rejects.toThrow(LayerError);
    await expect(entriesOf(archive(sparse({}), { name: 's', data: '' }))).rejects.toThrow(/map of holes .* is cut off/);
  });

  test.each(['8,3', '0,4,3,1', '1', '1,x', '-1,1', '1,,2', ','])('a map in records (0.1): %j', async (map) => {
    await expect(entriesOf(archive(records({ 'GNU.sparse.map': map, 'GNU.sparse.size': '10' }), X))).rejects.toThrow(
      /the map of holes of 'x' makes no sense/,
    );
  });

  test('the form that has a record for each part (0.0) is refused', async () => {
    await expect(entriesOf(archive(records({ 'GNU.sparse.numblocks': '1' }), X))).rejects.toThrow(
      /sparse in a form that is not read/,
    );
  });
});

describe('archives of an enemy', () => {
  const global = { name: 'g', type: 'g', data: formatRecords({ comment: 'for all' }) };

  test('cut off at every block: what was whole, and then an error', async () => {
    const parts = [
      [{ name: 'a', data: 'x'.repeat(1500) }],
      [
        { name: 'l', type: 'L', data: `${'long/'.repeat(150)}b\0` },
        { name: 'b', data: 'y' },
      ],
      [global, records({ path: 'c' }), { name: 'short' }],
    ].map((entries) => Buffer.concat(entries.map(block)));
    const whole = Buffer.concat(parts);
    // Where all that has begun has ended: behind a file, and behind what is for all.
    const [first = 0, second = 0, third = 0] = parts.map(({ length }) => length);
    const ends = new Map([
      [first, 1],
      [first + second, 2],
      [first + second + block(global).length, 2],
      [first + second + third, 3],
    ]);
    for (let length = 512; length <= whole.length; length += 512) {
      const read = entriesOf(whole.subarray(0, length));
      const count = ends.get(length);
      if (count === undefined) await expect(read, String(length)).rejects.toThrow(/is cut off/);
      else expect(await read, String(length)).toHaveLength(count);
    }
  });

  test('any byte of a header changed', async () => {
    const whole = archive(X);
    for (let at = 0; at < 512; at++) {
      if (at >= 148 && at < 156) continue;
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 1;
      await expect(entriesOf(changed), String(at)).rejects.toThrow(/the checksum of a header is wrong/);
    }
  });

  test.each(['', '        ', '-1\0', '0x1f\0', '9999999\0', '7777777\0'])('the checksum %j', async (sum) => {
    const whole = archive(X);
    whole.fill(0, 148, 156);
    whole.write(sum, 148, 'latin1');
    await expect(entriesOf(whole)).rejects.toThrow(/the checksum of a header is wrong/);
  });

  test('the checksum of programs that add with signs', async () => {
    const whole = archive({ name: '\xe9', data: 'text' });
    const bytes = Buffer.from(whole).fill(' ', 148, 156);
    const sum = new Int8Array(bytes.buffer, bytes.byteOffset, 512).reduce((total, byte) => total + byte, 0);
    whole.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(await entriesOf(whole)).toHaveLength(1);
  });

  test('headers that describe and never a file: no more memory, no more time than they have', async () => {
    for (const type of ['L', 'x']) {
      const one = block({ name: 'h', type, data: type === 'L' ? 'name' : formatRecords({ path: 'x' }) });
      const endless = function* () {
        for (let count = 0; count < 20_000; count++) yield one;
      };
      const before = process.memoryUsage().arrayBuffers;
      const start = performance.now();
      const read = async () => {
        for await (const _ of readTar(endless()));
      };
      await expect(read()).rejects.toThrow(/is cut off/);
      expect(performance.now() - start).toBeLessThan(10_000);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
    }
  });

  test('10,000 records, and one key 10,000 times: the last one counts', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`SCHILY.xattr.user.a${index}`, 'v']));
    const twice = Buffer.from(`${'10 path=a\n'.repeat(9_999)}10 path=b\n`);
    const start = performance.now();
    const [first, second] = await entriesOf(archive(records(many), X, { name: 'h', type: 'x', data: twice }, X));
    expect(performance.now() - start).toBeLessThan(2000);
    expect(first?.xattrs.size).toBe(10_000);
    expect(second?.path).toBe('b');
  });

  test('keys that objects have from birth', async () => {
    const [entry] = await entriesOf(archive(records({ __proto__x: '1', constructor: '2', toString: '3' }), X));
    expect(entry).toMatchObject({ path: 'x', uid: 0, xattrs: new Map() });
    expect(Object.keys(parseRecords(Buffer.from('15 __proto__=a\n')))).toEqual(['__proto__']);
  });

  test.each(['S', 'D', 'M', 'V', 'N', 'A', '\xff', '8'])('an entry of type %j is not passed over', async (type) => {
    await expect(entriesOf(archive({ name: 'x', type }))).rejects.toThrow(/of a kind that is not read/);
  });
});
