/** Archives: what is written comes back, byte for byte; what is damaged is refused. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  array,
  assert,
  asyncProperty,
  bigInt,
  constantFrom,
  dictionary,
  integer,
  property,
  record,
  string,
  uint8Array,
} from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { compressed, decompressed, detectCompression } from './compression.ts';
import { LayerError } from './errors.ts';
import { type Entry, formatRecords, formatTime, type Written, writeTar } from './tar.ts';
import { parseRecords, parseTime, readTar } from './untar.ts';

// Many archives are made; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

const collect = async (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const entry = (more: Partial<Entry> & { path: string }): Entry => ({
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: { seconds: 1_700_000_000n, nanoseconds: 0 },
  size: 0,
  xattrs: new Map(),
  ...more,
});

const readAll = async (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
  const all: { entry: Entry; content: Buffer }[] = [];
  for await (const { entry: each, content } of readTar(source))
    all.push({ entry: each, content: await collect(content) });
  return all;
};

/** The same bytes in pieces of some size. */
function* inPieces(bytes: Buffer, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Names as the kernel has them: bytes that are no UTF-8 included (as lone surrogates). */
const name = string({
  minLength: 1,
  maxLength: 180,
  unit: constantFrom('a', 'é', '\udcff', '漢', ' ', '\n', '=', '😀'),
});

const anyEntry = record({
  path: name,
  mode: integer({ min: 0, max: 0o7777 }),
  uid: integer({ min: 0, max: 0xffff_fffe }),
  gid: integer({ min: 0, max: 0xffff_fffe }),
  mtime: record({
    seconds: bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
    nanoseconds: integer({ min: 0, max: 999_999_999 }),
  }),
  xattrs: dictionary(
    constantFrom('user.a', 'user.é', 'security.capability', 'user.x=y'.replace('=', '-')),
    uint8Array({ maxLength: 700 }),
  ).map((values) => new Map(Object.entries(values))),
  data: uint8Array({ maxLength: 2000 }),
});

describe('what is written comes back', () => {
  test('files of any name, owner, time, attributes and content, in pieces of any size', async () => {
    await assert(
      asyncProperty(array(anyEntry, { maxLength: 4 }), integer({ min: 1, max: 3000 }), async (list, size) => {
        const written: Written[] = list.map(({ data, ...each }) => ({
          entry: entry({ ...each, size: data.length }),
          content: [data],
        }));
        const archive = await collect(writeTar(written));
        const back = await readAll(inPieces(archive, size));
        expect(back).toHaveLength(list.length);
        for (const [index, { entry: each, content }] of back.entries()) {
          const { data, ...rest } = list[index] as (typeof list)[number];
          expect(content.equals(data)).toBe(true);
          const { xattrs, ...others } = each;
          const { xattrs: wanted, ...wantedOthers } = rest;
          expect(others).toMatchObject(wantedOthers);
          expect([...xattrs].map(([key, value]) => [key, [...value]]).sort()).toEqual(
            [...wanted].map(([key, value]) => [key, [...value]]).sort(),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  test('every kind', async () => {
    const list: Entry[] = [
      entry({ path: 'd', type: 'directory', mode: 0o1755 }),
      entry({ path: 'l', type: 'symlink', target: `/${'very/'.repeat(40)}long` }),
      entry({ path: 'h', type: 'link', target: 'ünicode' }),
      entry({ path: 'c', type: 'character-device', device: { major: 1, minor: 300 } }),
      entry({ path: 'b', type: 'block-device', device: { major: 259, minor: 0xfffff } }),
      entry({ path: 'f', type: 'fifo', mode: 0 }),
    ];
    const back = await readAll(writeTar(list.map((each) => ({ entry: each }))));
    expect(
      back.map(({ entry: { path, type, target, device, mode } }) => ({ path, type, target, device, mode })),
    ).toEqual(
      list.map(({ path, type, target, device, mode }) => ({
        path: type === 'directory' ? `${path}/` : path,
        type,
        target,
        device,
        mode,
      })),
    );
  });

  test('holes: the map, then the data', async () => {
    const extents = [
      { offset: 4096, size: 3 },
      { offset: 1_000_000, size: 600 },
    ];
    const sparse = entry({ path: 'sparse', size: 2_000_000, extents });
    const archive = await collect(
      writeTar([
        { entry: sparse, content: [Buffer.from('abc'), Buffer.alloc(600, 'x')] },
        { entry: entry({ path: 'next' }) },
      ]),
    );
    expect(archive.length).toBeLessThan(8000);
    const [first, next] = await readAll(inPieces(archive, 100));
    expect(first?.entry).toMatchObject({ path: 'sparse', size: 2_000_000, extents });
    expect(first?.content.toString()).toBe(`abc${'x'.repeat(600)}`);
    expect(next?.entry.path).toBe('next');
  });

  test('as tar(1) reads and writes it', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'ts-tar-'));
    try {
      execFileSync('tar', ['--version']);
    } catch {
      context.skip('not installed: tar');
    }
    try {
      const long = `${'long/'.repeat(60)}name`;
      const archive = await collect(
        writeTar([
          {
            entry: entry({ path: long, size: 3, mtime: { seconds: 5n, nanoseconds: 250_000_000 } }),
            content: [Buffer.from('abc')],
          },
          {
            entry: entry({ path: 'sparse', size: 100_000, extents: [{ offset: 50_000, size: 1 }] }),
            content: [Buffer.from('x')],
          },
        ]),
      );
      writeFileSync(join(folder, 'a.tar'), archive);
      expect(execFileSync('tar', ['-tf', 'a.tar'], { cwd: folder, encoding: 'utf8' })).toBe(`${long}\nsparse\n`);
      expect(execFileSync('tar', ['-xOf', 'a.tar', 'sparse'], { cwd: folder })).toHaveLength(100_000);
      execFileSync(
        'sh',
        ['-c', 'truncate -s 1M s && printf x | dd of=s bs=1 seek=700000 conv=notrunc 2>/dev/null && ln s t'],
        { cwd: folder },
      );
      // Times before 1970, after 2242 and ids above 2^21 do not fit into the digits of a header: GNU has them in base 256.
      for (const format of ['gnu', 'posix'])
        for (const time of [-600_000_000n, 9_999_999_999n]) {
          const options = ['-c', `--format=${format}`, `--mtime=@${time}`, '--owner=a:3000000', '--group=b:4294967294'];
          const [first] = await readAll([execFileSync('tar', [...options, 't'], { cwd: folder, maxBuffer: 1 << 24 })]);
          expect(first?.entry).toMatchObject({
            uid: 3_000_000,
            gid: 4_294_967_294,
            mtime: { seconds: time, nanoseconds: 0 },
          });
        }
      for (const format of ['gnu', 'ustar', 'posix', 'v7']) {
        const made = execFileSync('tar', ['-c', `--format=${format}`, 's', 't'], { cwd: folder, maxBuffer: 1 << 24 });
        const back = await readAll([made]);
        expect(back.map(({ entry: { path, type, target } }) => ({ path, type, target }))).toEqual([
          { path: 's', type: 'file', target: undefined },
          { path: 't', type: 'link', target: 's' },
        ]);
        expect(back[0]?.content).toHaveLength(1 << 20);
      }
      for (const version of ['0.1', '1.0']) {
        const made = execFileSync('tar', ['-c', '--format=posix', `--sparse-version=${version}`, '--sparse', 's'], {
          cwd: folder,
        });
        const [first] = await readAll([made]);
        expect(first?.entry).toMatchObject({ path: 's', size: 1 << 20 });
        const { offset, size } = first?.entry.extents?.[0] ?? { offset: 0, size: 0 };
        expect(first?.content[700_000 - offset]).toBe('x'.charCodeAt(0));
        expect(first?.content).toHaveLength(size);
      }
      const refused = execFileSync('tar', ['-c', '--format=gnu', '--sparse', 's'], { cwd: folder });
      await expect(readAll([refused])).rejects.toThrow(/of a kind that is not read/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('numbers that no field holds', () => {
  const size = 9 * 2 ** 30;
  async function* endless() {
    for (;;) yield Buffer.alloc(65_536);
  }
  const begun = async (written: Written) => {
    for await (const piece of writeTar([written])) return Buffer.from(piece);
    throw new Error('nothing was written');
  };

  test('a file of more than 8 GiB has its size in a record', async () => {
    const bytes = await begun({ entry: entry({ path: 'large', size }), content: endless() });
    for await (const { entry: read } of readTar([bytes])) {
      expect(read).toMatchObject({ path: 'large', size });
      break;
    }
    // What follows is missing, which it says behind the line.
    const { stdout } = spawnSync('tar', ['-tvf', '-'], { input: bytes, encoding: 'utf8' });
    expect(stdout).toMatch(new RegExp(` ${size} .* large$`, 'm'));
  });

  test('a minor number of more than six octal digits', async () => {
    const device = { major: 259, minor: 0xf_ffff };
    const written = { entry: entry({ path: 'device', type: 'block-device', device }) };
    const bytes = await collect(writeTar([written]));
    expect((await readAll([bytes]))[0]?.entry).toMatchObject({ device });
    const { stdout } = spawnSync('tar', ['-tvf', '-'], { input: bytes, encoding: 'utf8' });
    expect(stdout).toContain(`${device.major},${device.minor}`);
  });

  test('content of another length than was said', async () => {
    for (const length of [9, 11])
      await expect(
        collect(writeTar([{ entry: entry({ path: 'file', size: 10 }), content: [Buffer.alloc(length)] }])),
      ).rejects.toThrow("'file' has changed while it was read");
  });
});

describe('as bsdtar(1) writes and reads it', () => {
  const withFolder = async (work: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'ts-bsdtar-'));
    try {
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const isMissing = () => spawnSync('bsdtar', ['--version']).error !== undefined;
  const LONG = `${'é'.repeat(60)}/${'n'.repeat(120)}`;

  test.for(['pax', 'gnutar', 'ustar'])('%s', async (format, context) => {
    if (isMissing()) context.skip('not installed: bsdtar');
    await withFolder(async (folder) => {
      const script = `mkdir -p ${LONG.slice(0, 60)} && printf text > ${LONG} && ln ${LONG} hard && ln -s ${LONG} soft && touch -d @5.25 old`;
      execFileSync('sh', ['-c', script], { cwd: folder });
      const options = ['-c', `--format=${format}`, '--uid=3000000', '--gid=7', '-f', '-'];
      const wide = format === 'ustar' ? options.filter((word) => !word.startsWith('--uid')) : options;
      const files = format === 'ustar' ? ['hard'] : [LONG, 'hard', 'soft', 'old'];
      const back = await readAll([execFileSync('bsdtar', [...wide, ...files], { cwd: folder })]);
      expect(back.map(({ entry: { path } }) => path)).toEqual(files);
      expect(back[0]?.content.toString()).toBe('text');
      expect(back[0]?.entry.gid).toBe(7);
      if (format === 'ustar') return;
      expect(back.map(({ entry: { type, target } }) => [type, target])).toEqual([
        ['file', undefined],
        ['link', LONG],
        ['symlink', LONG],
        ['file', undefined],
      ]);
      expect(back[0]?.entry.uid).toBe(3_000_000);
      expect(back[3]?.entry.mtime).toEqual({ seconds: 5n, nanoseconds: format === 'pax' ? 250_000_000 : 0 });
    });
  });

  test('holes, and what is written here', async (context) => {
    if (isMissing()) context.skip('not installed: bsdtar');
    await withFolder(async (folder) => {
      execFileSync('sh', ['-c', 'truncate -s 1M s && printf x | dd of=s bs=1 seek=700000 conv=notrunc 2>/dev/null'], {
        cwd: folder,
      });
      const [first] = await readAll([execFileSync('bsdtar', ['-c', '--format=pax', '-f', '-', 's'], { cwd: folder })]);
      expect(first?.entry).toMatchObject({ path: 's', size: 1 << 20 });
      const { offset } = first?.entry.extents?.[0] ?? { offset: 0 };
      expect(first?.content[700_000 - offset]).toBe('x'.charCodeAt(0));
      const own = await collect(
        writeTar([
          { entry: entry({ path: LONG, size: 3 }), content: [Buffer.from('abc')] },
          { entry: entry({ path: 'h', size: 9, extents: [{ offset: 7, size: 1 }] }), content: [Buffer.from('x')] },
        ]),
      );
      const read = (name: string) => execFileSync('bsdtar', ['-xOf', '-', name], { input: own }).toString('latin1');
      expect([read(LONG), read('h')]).toEqual(['abc', '\0\0\0\0\0\0\0x\0']);
    });
  });
});

describe('what is damaged is refused', () => {
  const archive = () =>
    collect(
      writeTar([
        {
          entry: entry({ path: 'file', size: 1000, mtime: { seconds: 1n, nanoseconds: 5 } }),
          content: [Buffer.alloc(1000, 'x')],
        },
      ]),
    );

  test('cut off anywhere', async () => {
    const whole = await archive();
    for (let length = 0; length < whole.length - 1; length += 37)
      await expect(readAll(inPieces(whole.subarray(0, length), 300)), String(length)).rejects.toThrow(LayerError);
  });

  test.each([
    ['no archive', Buffer.alloc(2048, 'text')],
    ['nothing', Buffer.alloc(0)],
  ])('%s', async (_, bytes) => {
    await expect(readAll([bytes])).rejects.toThrow(LayerError);
  });

  test.each(['abc', '', '1e5', '-', '9999999999999999999'])('the time %j', (text) => {
    expect(() => parseTime(text)).toThrow(LayerError);
  });

  test('a header that was changed', async () => {
    const whole = await archive();
    whole[3] = 0x41;
    await expect(readAll([whole])).rejects.toThrow(/not a tar archive, or a damaged one/);
  });

  test.each(['5 a=b\n', '99 a=b\n', 'x a=b\n', '6 ab\n\n', '0 a=b\n', '6 a=b'])('records %j', (text) => {
    expect(() => parseRecords(Buffer.from(text))).toThrow(LayerError);
  });

  test('a header that would fill the memory', async () => {
    const whole = await archive();
    // The first header is that of the records: a size of a gigabyte, and the checksum that fits.
    whole.write('07777777777\0', 124, 'latin1');
    whole.fill(' ', 148, 156);
    const sum = whole.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    whole.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await expect(readAll([whole])).rejects.toThrow(LayerError);
  });
});

test('records come back', () => {
  const text = string({ unit: 'binary-ascii', minLength: 1 }).filter(
    (key) => !key.includes('=') && key !== '__proto__',
  );
  assert(
    property(dictionary(text, string({ unit: constantFrom('\0', '\n', 'ÿ', 'a', '=', ' ') })), (records) => {
      expect({ ...parseRecords(formatRecords(records)) }).toEqual({ ...records });
    }),
  );
});

test('times come back, to the nanosecond and before 1970', () => {
  expect(parseTime('-1.5')).toEqual({ seconds: -2n, nanoseconds: 500_000_000 });
  expect(parseTime('1700000000.123456789')).toEqual({ seconds: 1_700_000_000n, nanoseconds: 123_456_789 });
  assert(
    property(
      bigInt({ min: -(2n ** 50n), max: 2n ** 50n }),
      integer({ min: 0, max: 999_999_999 }),
      (seconds, nanoseconds) => {
        expect(parseTime(formatTime({ seconds, nanoseconds }))).toEqual({ seconds, nanoseconds });
      },
    ),
  );
});

describe('compression', () => {
  const text = Buffer.from('some text, '.repeat(100_000));
  const ZSTD = Buffer.from('KLUv/QRYKQAAaGVsbG+jbZ+I', 'base64');

  test('gzip comes back, in pieces of any size, and says nothing of when', async () => {
    const packed = await collect(compressed([text], 'gzip'));
    expect(packed.length).toBeLessThan(text.length / 50);
    expect(packed.readUInt32LE(4)).toBe(0);
    for (const size of [1000, 1 << 20])
      expect((await collect(decompressed(inPieces(packed, size)))).equals(text)).toBe(true);
    await expect(collect(decompressed([packed.subarray(0, packed.length >> 1)]))).rejects.toThrow(
      /the gzip data is damaged/,
    );
    const middle = packed.length >> 1;
    packed[middle] = (packed[middle] as number) ^ 0xff;
    await expect(collect(decompressed([packed]))).rejects.toThrow(/the gzip data is damaged/);
  });

  test('zstd is read by every Node', async () => {
    const skipped = Buffer.from('502a4d180400000061626364', 'hex');
    for (const bytes of [ZSTD, Buffer.concat([skipped, ZSTD]), Buffer.concat([ZSTD, skipped])])
      expect((await collect(decompressed(inPieces(bytes, 3)))).toString()).toBe('hello');
    await expect(collect(decompressed([ZSTD.subarray(0, 8)]))).rejects.toThrow(LayerError);
  });

  test('what it is, by its first bytes', () => {
    expect(detectCompression(Buffer.from('fd377a585a00', 'hex'))).toBe('xz');
    expect(detectCompression(Buffer.from('BZh9'))).toBe('bzip2');
    expect(detectCompression(Buffer.from('plain'))).toBe('none');
  });

  test.for(['xz', 'bzip2'])('%s by the program', async (name, context) => {
    let packed = Buffer.alloc(0);
    try {
      packed = execFileSync(name, ['-c'], { input: text });
    } catch {
      context.skip(`not installed: ${name}`);
    }
    expect((await collect(decompressed(inPieces(packed, 100)))).equals(text)).toBe(true);
    const cut = packed.subarray(0, packed.length - 20);
    await expect(collect(decompressed([cut]))).rejects.toThrow(new RegExp(`the ${name} data is damaged: `));
    const failing = async function* () {
      yield packed.subarray(0, 50);
      throw new LayerError('the source is gone');
    };
    await expect(collect(decompressed(failing()))).rejects.toThrow('the source is gone');
    // Whoever wants no more of it leaves no program behind.
    for await (const _ of decompressed([packed])) break;
    const path = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      await expect(collect(decompressed([packed]))).rejects.toThrow(`there is no program ${name} here`);
    } finally {
      process.env.PATH = path;
    }
  });
});
