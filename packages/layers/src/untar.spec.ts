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
