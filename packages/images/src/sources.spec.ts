/** Content is what its digest and its size say before anything is made of it, and nothing is read that lies elsewhere. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LayerError, writeTar } from '@ts/layers';
import { AT_FDCWD, live, S_IFIFO } from '@ts/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFiles, readSmall } from './files.ts';
import { CONFIG, choose, type Image, INDEX, MANIFEST, sha256 } from './image.ts';
import { openSource, verify } from './sources.ts';
import { unpack } from './unpack.ts';

const sys = live();
const MOST = 1 << 20;
const TAR = 'application/vnd.oci.image.layer.v1.tar';

let top: string;
const at = (path: string) => join(top, path);
const blobAt = (digest: string) => at(`image/blobs/sha256/${digest.slice(7)}`);

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'ts-sources-'));
  mkdirSync(at('image/blobs/sha256'), { recursive: true });
  writeFileSync(at('image/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
});
afterEach(() => rmSync(top, { recursive: true }));

async function tar(path: string, content: Buffer): Promise<Buffer> {
  const common = { uid: 0, gid: 0, mtime: { seconds: 0n, nanoseconds: 0 }, xattrs: new Map<string, Buffer>() };
  const chunks: Uint8Array[] = [];
  const entry = { ...common, path, type: 'file', mode: 0o644, size: content.length } as const;
  for await (const chunk of writeTar([{ entry, content: [content] }])) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function blob(mediaType: string, content: Buffer | object): Blob {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const digest = sha256(bytes);
  writeFileSync(blobAt(digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

/** Parts of an image, each with what leads to it. */
interface Parts {
  readonly layer: Blob;
  readonly config: Blob;
  readonly manifest: Blob;
}

/** What leads to a part may be changed before it is written. */
type Change = (descriptor: Blob) => Blob;
const same: Change = (descriptor) => descriptor;

interface Changes {
  readonly layer?: Change;
  readonly config?: Change;
  readonly manifest?: Change;
  readonly diffId?: string;
}

/** Writes an image of one layer, stored as it is or compressed. */
async function write(changes: Changes = {}, content = Buffer.from('text'), isPacked = false): Promise<Parts> {
  const bytes = await tar('file', content);
  const layer = blob(isPacked ? `${TAR}+gzip` : TAR, isPacked ? gzipSync(bytes) : bytes);
  const rootfs = { type: 'layers', diff_ids: [changes.diffId ?? sha256(bytes)] };
  const config = blob(CONFIG, { os: 'linux', architecture: 'amd64', rootfs });
  const manifest = blob(MANIFEST, {
    schemaVersion: 2,
    config: (changes.config ?? same)(config),
    layers: [(changes.layer ?? same)(layer)],
  });
  const manifests = [(changes.manifest ?? same)(manifest)];
  writeFileSync(at('image/index.json'), JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
  return { layer, config, manifest };
}

/** Opens the only image, and does something with it. */
async function withImage<T>(work: (image: Image) => Promise<T>, path = at('image')): Promise<T> {
  const source = await openSource(sys, { path }, MOST);
  try {
    return await work(
      await choose(await source.candidates(), undefined, { os: 'linux', architecture: 'amd64' }).load(),
    );
  } finally {
    source.close();
  }
}

const verified = (maxSize = MOST) => withImage((image) => verify(image, { maxSize }));
const RULES = { sameOwner: false, devices: 'refuse', space: 'user', maxSize: MOST, isReplacing: false } as const;
const unpacked = (target = at('out')) => withImage((image) => unpack(sys, image, [], target, RULES));

/** Nothing was made, not even in part. */
const expectNothing = () => expect(readdirSync(top)).toEqual(['image']);

describe('a layer', () => {
  test.each([false, true])('as it should be, compressed: %s', async (isPacked) => {
    await write({}, Buffer.from('text'), isPacked);
    await verified();
    await unpacked();
    expect(readdirSync(at('out')).sort()).toEqual(['1', 'image.json']);
    expect(readFileSync(at('out/1/file'), 'utf8')).toBe('text');
  });

  test.each([false, true])('with other bytes, as many; compressed: %s', async (isPacked) => {
    const { layer } = await write({}, Buffer.from('text'), isPacked);
    const other = await tar('file', Buffer.from('evil'));
    const bytes = isPacked ? gzipSync(other) : other;
    writeFileSync(blobAt(layer.digest), Buffer.concat([bytes, Buffer.alloc(layer.size)]).subarray(0, layer.size));
    await expect(verified()).rejects.toThrow(`a layer is not what its digest says: ${layer.digest}`);
    await expect(unpacked()).rejects.toThrow(LayerError);
    expectNothing();
  });

  test('with more bytes, with fewer', async () => {
    const { layer } = await write();
    appendFileSync(blobAt(layer.digest), Buffer.alloc(512));
    await expect(verified()).rejects.toThrow(`has ${layer.size + 512} bytes, the manifest says ${layer.size}`);
    writeFileSync(blobAt(layer.digest), '');
    await expect(verified()).rejects.toThrow(`has 0 bytes, the manifest says ${layer.size}`);
  });

  test.each([1, -1])('of the right digest, and a size that is %i too large', async (more) => {
    await write({ layer: (descriptor) => ({ ...descriptor, size: descriptor.size + more }) });
    await expect(unpacked()).rejects.toThrow(/^layer sha256:[0-9a-f]{64} has \d+ bytes, the manifest says \d+$/);
    expectNothing();
  });

  test.each([false, true])('that the configuration means otherwise; compressed: %s', async (isPacked) => {
    const diffId = sha256(Buffer.from('another one'));
    await write({ diffId }, Buffer.from('text'), isPacked);
    await expect(verified()).rejects.toThrow(`a layer is not what the configuration says: ${diffId}`);
    await expect(unpacked()).rejects.toThrow(/not what the configuration says/);
    expectNothing();
  });

  test('that grows beyond what is allowed', async () => {
    const { layer } = await write({}, Buffer.alloc(8 << 20), true);
    expect(layer.size).toBeLessThan(20_000);
    await expect(verified()).rejects.toThrow(`grows beyond ${MOST} bytes`);
    await verified(16 << 20);
  });

  test('that is another one when it is unpacked than when it was looked at', async () => {
    const [first, then] = [await tar('file', Buffer.from('text')), await tar('file', Buffer.from('evil'))];
    let opened = 0;
    const layer = {
      size: first.length,
      diffId: sha256(first),
      open: () => [opened++ === 0 ? first : then],
    };
    const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [layer.diffId] } };
    const image = {
      config,
      configBytes: Buffer.from(JSON.stringify(config)),
      configDigest: sha256(Buffer.from(JSON.stringify(config))),
      layers: [layer],
    } as unknown as Image;
    await expect(unpack(sys, image, [], at('out'), RULES)).rejects.toThrow(
      `a layer is not what the configuration says: ${layer.diffId}`,
    );
    expect(opened).toBe(2);
    expectNothing();
  });
});

describe('what describes an image', () => {
  test.each(['config', 'manifest'] as const)('%s: other bytes, and a size that is wrong', async (part) => {
    const parts = await write();
    const bytes = readFileSync(blobAt(parts[part].digest));
    // Still JSON, and as long: "amd64" or the version is another one.
    const other = Buffer.from(bytes.toString().replace(/amd64|2/, (text) => (text === '2' ? '3' : 'amd46')));
    expect(other).toHaveLength(bytes.length);
    writeFileSync(blobAt(parts[part].digest), other);
    await expect(verified()).rejects.toThrow(`is not what its digest says: ${parts[part].digest}`);
    for (const more of [1, -1]) {
      await write({ [part]: (descriptor: Blob) => ({ ...descriptor, size: descriptor.size + more }) });
      await expect(verified()).rejects.toThrow(/has \d+ bytes, what leads to it says \d+: sha256:/);
    }
  });

  test('digests that are paths', async () => {
    for (const digest of ['sha256:../../../outside', `sha256:${'0'.repeat(61)}/..`, '../outside', 'sha256:'])
      for (const part of ['layer', 'config', 'manifest'] as const) {
        await write({ [part]: (descriptor: Blob) => ({ ...descriptor, digest }) });
        await expect(verified(), `${part} ${digest}`).rejects.toThrow(LayerError);
      }
  });

  test('a text that is too large is not read', async () => {
    await write();
    writeFileSync(at('image/index.json'), Buffer.alloc((16 << 20) + 1, ' '));
    await expect(verified()).rejects.toThrow("'index.json' is too large");
  });
});

describe('a folder of anybody', () => {
  const linked = (path: string, target: string) => {
    rmSync(path);
    symlinkSync(target, path);
  };

  test.each(['absolute', 'relative', 'proc'])('links to elsewhere, %s: nothing is there', async (kind) => {
    const { layer, config } = await write();
    for (const { digest } of [layer, config]) {
      const outside = at(digest.slice(7, 20));
      renameSync(blobAt(digest), outside);
      const target = {
        absolute: outside,
        relative: `../../../${digest.slice(7, 20)}`,
        proc: `/proc/self/root${outside}`,
      };
      symlinkSync(target[kind as keyof typeof target], blobAt(digest));
      await expect(verified(), digest).rejects.toThrow(/is missing$/);
      rmSync(blobAt(digest));
      renameSync(outside, blobAt(digest));
    }
    await verified();
  });

  test('links of folders above, too', async () => {
    await write();
    renameSync(at('image/blobs'), at('blobs'));
    symlinkSync(at('blobs'), at('image/blobs'));
    await expect(verified()).rejects.toThrow(LayerError);
  });

  test('links inside lead to what is inside', async () => {
    const { layer } = await write();
    renameSync(blobAt(layer.digest), at('image/other'));
    symlinkSync('/other', blobAt(layer.digest));
    await verified();
    linked(blobAt(layer.digest), '../../../../../other');
    await verified();
  });

  test('fifos keep nobody waiting, folders are no files', async () => {
    const { config, layer } = await write();
    for (const path of [blobAt(config.digest), blobAt(layer.digest), at('image/index.json')]) {
      const before = readFileSync(path);
      for (const make of [() => sys.mknodat(AT_FDCWD, path, S_IFIFO | 0o600, 0), () => mkdirSync(path)]) {
        rmSync(path);
        make();
        await expect(verified(), path).rejects.toThrow(/is missing$|is no image/);
        rmSync(path, { recursive: true });
        writeFileSync(path, before);
      }
    }
    await verified();
  });

  test('paths of anybody begin at the folder', async () => {
    writeFileSync(at('secret'), 'x');
    writeFileSync(at('image/own'), 'own');
    const files = await openFiles(sys, at('image'), MOST);
    try {
      for (const path of [
        '../secret',
        at('secret'),
        '/../secret',
        'blobs/../../secret',
        'own\0',
        '',
        '/proc/self/environ',
      ])
        expect(files.has(path), path).toBe(false);
      await expect(readSmall(files, '../secret')).rejects.toThrow("'../secret' is missing");
      expect(() => files.open('../secret')).toThrow("'../secret' is missing");
      expect((await readSmall(files, '/../own')).toString()).toBe('own');
    } finally {
      files.close();
    }
  });
});

describe('what docker save writes', () => {
  const config = (diffIds: readonly string[]) =>
    Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: diffIds } }));
  async function save(name: (bytes: Buffer) => string, layerPath = 'layer.tar'): Promise<void> {
    rmSync(at('image'), { recursive: true });
    mkdirSync(at('image'));
    const layer = await tar('file', Buffer.from('text'));
    const bytes = config([sha256(layer)]);
    writeFileSync(at('image/layer.tar'), layer);
    writeFileSync(at(`image/${name(bytes)}`), bytes);
    writeFileSync(
      at('image/manifest.json'),
      JSON.stringify([{ Config: name(bytes), RepoTags: ['a:1'], Layers: [layerPath] }]),
    );
  }

  test('a configuration is what its name says, where that is a digest', async () => {
    for (const name of ['config.json', (bytes: Buffer) => `${sha256(bytes).slice(7)}.json`]) {
      await save(typeof name === 'string' ? () => name : name);
      await verified();
    }
    await save(() => `${'0'.repeat(64)}.json`);
    await expect(verified()).rejects.toThrow(`is not what its name says: ${'0'.repeat(64)}.json`);
  });

  test('a layer that lies elsewhere, and one with other bytes', async () => {
    await save(() => 'c.json', '../outside.tar');
    cpSync(at('image/layer.tar'), at('outside.tar'));
    await expect(verified()).rejects.toThrow("layer '../outside.tar' is missing");
    rmSync(at('outside.tar'));
    await save(() => 'c.json');
    writeFileSync(at('image/layer.tar'), await tar('file', Buffer.from('evil')));
    await expect(unpacked()).rejects.toThrow(/a layer is not what the configuration says/);
    expect(existsSync(at('out'))).toBe(false);
  });
});
