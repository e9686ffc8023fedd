/** Bun, fetched from the npm registry when it is asked for: too large for every clone. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Arch } from '../../packages/sys/src/arch.ts';

const VERSION = '1.4.5';

export interface BunPlatform {
  readonly arch: Arch;
  /** What `bun build --target` calls it. */
  readonly target: string;
  /** npm package and the hash of its archive. */
  readonly name: string;
  readonly integrity: string;
}

/** "baseline" runs on processors without AVX2. */
export const BUN_PLATFORMS: Readonly<Record<string, BunPlatform>> = {
  'linux-x64': {
    arch: 'x64',
    target: 'bun-linux-x64',
    name: '@oven/bun-linux-x64',
    integrity: 'sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==',
  },
  'linux-x64-baseline': {
    arch: 'x64',
    target: 'bun-linux-x64-baseline',
    name: '@oven/bun-linux-x64-baseline',
    integrity: 'sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==',
  },
  'linux-x64-musl': {
    arch: 'x64',
    target: 'bun-linux-x64-musl',
    name: '@oven/bun-linux-x64-musl',
    integrity: 'sha512-10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==',
  },
  'linux-arm64': {
    arch: 'arm64',
    target: 'bun-linux-arm64',
    name: '@oven/bun-linux-aarch64',
    integrity: 'sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==',
  },
  'linux-arm64-musl': {
    arch: 'arm64',
    target: 'bun-linux-arm64-musl',
    name: '@oven/bun-linux-aarch64-musl',
    integrity: 'sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==',
  },
};

export function bunPlatform(name: string): BunPlatform {
  const platform = BUN_PLATFORMS[name];
  if (!platform) throw new Error(`unknown platform '${name}': ${Object.keys(BUN_PLATFORMS).join(', ')}`);
  return platform;
}

/** Path of Bun's executable; fetched once. */
export function bunExecutable({ name, integrity }: BunPlatform): string {
  const folder = join('node_modules/.cache/bun', `${name.replace('/', '-')}-${VERSION}`);
  const executable = join(folder, 'package/bin/bun');
  if (existsSync(executable)) return executable;
  const work = `${folder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    const archive = execFileSync('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${VERSION}`], {
      encoding: 'utf8',
    }).trim();
    const hash = `sha512-${createHash('sha512')
      .update(readFileSync(join(work, archive)))
      .digest('base64')}`;
    if (hash !== integrity) throw new Error(`${name}@${VERSION} is not what it was: ${hash}`);
    execFileSync('tar', ['-xzf', join(work, archive), '-C', work]);
    rmSync(join(work, archive));
    chmodSync(join(work, 'package/bin/bun'), 0o755);
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return executable;
}
