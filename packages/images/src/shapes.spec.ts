/** Whatever stands in the JSON of an image: it is read, or one line says what is wrong. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayerError } from '@ts/layers';
import { live } from '@ts/sys';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { describeImage, summary } from './describe.ts';
import { CONFIG, choose, INDEX, MANIFEST, sha256 } from './image.ts';
import { runOf } from './pack.ts';
import { configIn, indexIn, manifestIn } from './shapes.ts';
import { openSource } from './sources.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ts-images-'));
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  writeFileSync(join(folder, 'oci-layout'), '{}');
});
afterAll(() => rmSync(folder, { recursive: true }));

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const bytesOf = (value: Json) => Buffer.from(JSON.stringify(value));

function blob(mediaType: string, bytes: Buffer, more: { readonly [key: string]: Json } = {}) {
  const digest = sha256(bytes);
  writeFileSync(join(folder, 'blobs/sha256', digest.slice(7)), bytes);
  return { mediaType, digest, size: bytes.length, ...more };
}

const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${'0'.repeat(64)}`, size: 3 };

const CONFIGURATION = {
  os: 'linux',
  architecture: 'amd64',
  variant: 'v1',
  created: '2020-01-01T00:00:00Z',
  author: 'me',
  config: {
    User: 'me',
    WorkingDir: '/',
    StopSignal: 'TERM',
    Env: ['A=b'],
    Entrypoint: ['/e'],
    Cmd: ['c'],
    Labels: { a: 'b' },
    ExposedPorts: { '80/tcp': {} },
    Volumes: { '/v': {} },
  },
  rootfs: { type: 'layers', diff_ids: [LAYER.digest] },
  history: [{ created: 'then', created_by: 'me', author: 'me', comment: 'c', empty_layer: false }],
};

/** Writes an image whose parts were changed; what leads to a part has its right digest. */
function write(change: { config?: Json; manifest?: (whole: Json) => Json; index?: (whole: Json) => Json }) {
  const same = (whole: Json) => whole;
  const config = blob(CONFIG, bytesOf(change.config ?? CONFIGURATION));
  const manifest: Json = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config,
    layers: [LAYER],
    annotations: { a: 'b' },
  };
  const platform = { os: 'linux', architecture: 'amd64', variant: 'v1' };
  const inner = blob(MANIFEST, bytesOf((change.manifest ?? same)(manifest)), {
    platform,
    annotations: { 'org.opencontainers.image.ref.name': 'x' },
  });
  const index: Json = { schemaVersion: 2, mediaType: INDEX, manifests: [inner], annotations: { a: 'b' } };
  writeFileSync(join(folder, 'index.json'), bytesOf((change.index ?? same)(index)));
}

async function read(): Promise<string> {
  const source = await openSource(live(), { path: folder }, 1 << 20);
  try {
    const candidate = choose(await source.candidates(), undefined, { os: 'linux', architecture: 'amd64' });
    const image = await candidate.load();
    runOf(image.config.config ?? {}, { Env: ['B=c'], Labels: { c: 'd' } });
    JSON.stringify(summary(candidate, image));
    return describeImage(candidate, image);
  } finally {
    source.close();
  }
}

const nested = (depth: number): Json => {
  let value: Json = [];
  for (let at = 0; at < depth; at++) value = at % 2 ? [value] : { a: value };
  return value;
};

const VALUES: readonly Json[] = [
  null,
  true,
  -1,
  1e300,
  '',
  'text\n\u001b[2J\0',
  [null],
  [{}],
  {},
  { toString: null, length: 3 },
  nested(40),
  nested(200),
];

/** The same value with each part of it in turn replaced by another value. */
function* changed(value: Json, by: Json): Generator<Json> {
  yield by;
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries())
      for (const other of changed(each as Json, by)) yield value.with(index, other);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    for (const other of changed(each as Json, by)) yield { ...value, [key]: other };
    const { [key]: _, ...rest } = value as { readonly [key: string]: Json };
    yield rest;
  }
}

/** What came out: 'read', or the line that is said. Anything but a line for people is thrown on. */
async function outcome(): Promise<string> {
  try {
    await read();
    return 'read';
  } catch (error) {
    if (!(error instanceof LayerError)) throw error;
    expect(error.message).toMatch(/^[^\p{Cc}]+$/u);
    return error.message;
  }
}

describe('each value in turn is replaced by another one', () => {
  test('as it is, it is read', async () => {
    write({});
    expect(await outcome()).toBe('read');
  });

  for (const [what, change] of Object.entries({
    config: function* (by: Json) {
      for (const config of changed(CONFIGURATION, by)) yield { config };
    },
    manifest: function* (by: Json) {
      let whole: Json = null;
      write({
        manifest: (value) => {
          whole = value;
          return value;
        },
      });
      for (const manifest of changed(whole, by)) yield { manifest: () => manifest };
    },
    index: function* (by: Json) {
      let whole: Json = null;
      write({
        index: (value) => {
          whole = value;
          return value;
        },
      });
      for (const index of changed(whole, by)) yield { index: () => index };
    },
  }))
    test(what, async () => {
      const outcomes = new Map<string, number>();
      for (const by of VALUES)
        for (const each of change(by)) {
          write(each);
          const said = await outcome();
          outcomes.set(said, (outcomes.get(said) ?? 0) + 1);
        }
      expect(outcomes.get('read')).toBeGreaterThan(0);
      expect(outcomes.size).toBeGreaterThan(2);
    });
});

describe('what programs in Go write for what is not there', () => {
  test('null', async () => {
    write({
      config: { ...CONFIGURATION, config: null, history: null, rootfs: { type: 'layers', diff_ids: null } },
      manifest: (whole) => ({ ...(whole as object), layers: null }),
      index: (whole) => {
        const { manifests } = whole as unknown as { manifests: readonly object[] };
        return { manifests: manifests.map((each) => ({ ...each, platform: null })) } as Json;
      },
    });
    expect(await read()).toMatch(/^Platform: +linux\/amd64/m);
  });
});

describe('work is bounded', () => {
  test('JSON that is nested very deep', () => {
    for (const open of ['[', '{"a":']) {
      const bytes = Buffer.from(open.repeat(2_000_000));
      for (const reader of [indexIn, manifestIn, configIn])
        expect(() => reader(bytes, 'it')).toThrow(/^'it' cannot be read: it is nested more than 64 deep$/);
    }
    // Brackets in text are none.
    expect(configIn(bytesOf({ ...CONFIGURATION, author: '[{\\"'.repeat(1000) }), 'it').author).toHaveLength(4000);
  });

  test('more layers than can be stacked', () => {
    const layers = Array.from({ length: 100_000 }, () => LAYER);
    expect(() => manifestIn(bytesOf({ config: LAYER, layers }), 'it')).toThrow(/100000 layers: more than 500/);
  });

  test('indexes that name each other many times are read once', async () => {
    write({});
    let below = blob(MANIFEST, bytesOf({ no: 'manifest' }), { platform: { os: 'linux', architecture: 'amd64' } });
    for (let level = 0; level < 4; level++)
      below = blob(INDEX, bytesOf({ schemaVersion: 2, manifests: Array.from({ length: 300 }, () => below) }));
    writeFileSync(join(folder, 'index.json'), bytesOf({ manifests: Array.from({ length: 60 }, () => below) }));
    const start = performance.now();
    const source = await openSource(live(), { path: folder }, 1 << 20);
    expect(await source.candidates()).toHaveLength(60 * 300);
    source.close();
    expect(performance.now() - start).toBeLessThan(5000);
    writeFileSync(join(folder, 'index.json'), bytesOf({ manifests: Array.from({ length: 300 }, () => below) }));
    expect(await outcome()).toMatch(/^the indexes have more than 100000 entries$/);
    below = blob(INDEX, bytesOf({ manifests: [below] }));
    writeFileSync(join(folder, 'index.json'), bytesOf({ manifests: [below] }));
    expect(await outcome()).toMatch(/^indexes lead to indexes, more than 4 in turn$/);
  });
});

describe('what docker save writes', () => {
  const saved = (manifest: Json, config: Json = CONFIGURATION) => {
    const root = join(folder, 'saved');
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'manifest.json'), bytesOf(manifest));
    writeFileSync(join(root, 'config.json'), bytesOf(config));
    writeFileSync(join(root, 'layer.tar'), '');
    return root;
  };
  const IMAGE = { Config: 'config.json', RepoTags: ['a:1'], Layers: ['layer.tar'] };

  async function said(root: string): Promise<string> {
    try {
      const source = await openSource(live(), { path: root }, 1 << 20);
      try {
        const candidate = choose(await source.candidates(), undefined, { os: 'linux', architecture: 'amd64' });
        return describeImage(candidate, await candidate.load()) && 'read';
      } finally {
        source.close();
      }
    } catch (error) {
      if (!(error instanceof LayerError)) throw error;
      expect(error.message).toMatch(/^[^\p{Cc}]+$/u);
      return error.message;
    }
  }

  test('each value in turn is replaced by another one', async () => {
    const outcomes = new Set<string>();
    for (const by of VALUES) for (const each of changed([IMAGE], by)) outcomes.add(await said(saved(each)));
    expect(outcomes).toContain('read');
    expect(outcomes.size).toBeGreaterThan(3);
  });

  test('null for no layers and no names', async () => {
    const config = { ...CONFIGURATION, rootfs: { type: 'layers', diff_ids: null } };
    expect(await said(saved([{ ...IMAGE, Layers: null, RepoTags: null }], config))).toBe('read');
  });

  test('a large configuration that many images have is read once', async () => {
    const config = { ...CONFIGURATION, config: { Env: Array.from({ length: 300_000 }, (_, index) => `A${index}=b`) } };
    const start = performance.now();
    await said(
      saved(
        Array.from({ length: 20_000 }, () => IMAGE),
        config,
      ),
    );
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
