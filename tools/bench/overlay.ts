/** Layers: mounts of more and more of them, and how fast an archive becomes one, against mount(8) and tar(1). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin } from './contenders.ts';
import { type Bench, type Comparison, timed } from './measure.ts';

/** How many files of 0.5 to 12 KB, and of 5 MB. */
interface Size {
  readonly small: number;
  readonly large: number;
}

/** Bytes that do not compress to nothing, the same in every run. */
function bytes(size: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed + 1;
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[index] = index & 1 ? state : 0x20202020;
  }
  return Buffer.from(words.buffer, 0, size);
}

function makeFiles(folder: string, { small, large }: Size): void {
  for (let index = 0; index < small; index++) {
    const parent = join(folder, 'usr/share', String(index % 100));
    mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `file${index}`), bytes(500 + ((index * 37) % 12_000), index));
  }
  mkdirSync(folder, { recursive: true });
  const blocks = Array.from({ length: large }, (_, index) => bytes(5 << 20, index));
  if (small) for (const [index, block] of blocks.entries()) writeFileSync(join(folder, `large${index}`), block);
  else writeFileSync(join(folder, 'large'), Buffer.concat(blocks));
}

/** Made before, and removed afterwards. */
const folder = join(tmpdir(), `ts-bench-${process.pid}`);
const merged = join(folder, 'merged');

const around = (make: () => void) => (): Disposable => {
  mkdirSync(merged, { recursive: true });
  make();
  return { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
};

function mounting(count: number): Comparison {
  const layers = Array.from({ length: count }, (_, index) => join(folder, 'l', String(index)));
  const lower = layers.join(':');
  return {
    name: `overlay of ${count}`,
    around: around(() => {
      for (const layer of layers) mkdirSync(layer, { recursive: true });
    }),
    contenders: [
      {
        who: 'unshare, mount, true',
        argv: [
          '/usr/bin/unshare',
          '-m',
          '/bin/sh',
          '-c',
          `mount -t overlay -o lowerdir=${lower} o ${merged} && exec true`,
        ],
      },
      {
        who: 'ts-overlay --private',
        argv: [`${bin}/ts-overlay`, '--private', '--ro', '--lower', lower, merged, '/bin/true'],
      },
    ],
  };
}

function unpacking(what: string, archive: string, options: readonly string[], size: Size): Comparison {
  const files = join(folder, 'files');
  const path = join(folder, archive);
  const to = join(folder, 'to');
  return {
    name: `unpack ${what}`,
    around: around(() => {
      makeFiles(files, size);
      execFileSync('tar', [...options, '-cf', path, '-C', files, '.']);
    }),
    contenders: [
      {
        who: 'rm -r, tar -x',
        argv: ['/bin/sh', '-c', `rm -rf ${to} && mkdir ${to} && tar -xf ${path} -C ${to}`],
      },
      {
        who: 'ts-overlay apply --replace',
        argv: [`${bin}/ts-overlay`, 'apply', '--replace', path, `${to}-ours`],
      },
    ],
  };
}

/** A layer as images have them: about 60 MB. */
const LAYER: Size = { small: 3000, large: 8 };

export const overlayBenches = (): Bench[] =>
  [
    ...[2, 10, 50, 100].map(mounting),
    unpacking('small files', 'a.tar', [], { small: 6000, large: 0 }),
    unpacking('one large file', 'a.tar', [], { small: 0, large: 40 }),
    unpacking('.tar', 'a.tar', [], LAYER),
    unpacking('.tar.gz', 'a.tar.gz', ['--gzip'], LAYER),
    unpacking('.tar.zst', 'a.tar.zst', ['--zstd'], LAYER),
  ].map(timed);
