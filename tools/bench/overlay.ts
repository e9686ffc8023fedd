/** Layers: mounts of more and more of them, and how fast an archive becomes one, against mount(8) and tar(1). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin } from './contenders.ts';
import { type Bench, type Comparison, timed } from './measure.ts';

/** A layer as images have them: many small files, some large ones; about 60 MB. */
const SMALL = 3000;
const LARGE = 8;

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

function makeFiles(folder: string): void {
  for (let index = 0; index < SMALL; index++) {
    const parent = join(folder, 'usr/share', String(index % 100));
    mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `file${index}`), bytes(500 + ((index * 37) % 12_000), index));
  }
  for (let index = 0; index < LARGE; index++) writeFileSync(join(folder, `large${index}`), bytes(5 << 20, index));
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

function unpacking(archive: string, options: string): Comparison {
  const files = join(folder, 'files');
  const path = join(folder, archive);
  const to = join(folder, 'to');
  return {
    name: `unpack ${archive}`,
    around: around(() => {
      makeFiles(files);
      execFileSync('tar', [options, path, '-C', files, '.']);
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

export const overlayBenches = (): Bench[] =>
  [...[2, 10, 50, 100].map(mounting), unpacking('a.tar', '-cf'), unpacking('a.tar.gz', '-czf')].map(timed);
