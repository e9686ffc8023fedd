/** Who is measured: the originals where Debian has them, and what this project has built. */
import { resolve } from 'node:path';
import type { Contender } from './measure.ts';

export const bin = resolve('dist/bin');
/** All tools in one executable, where it has been built. */
export const all = resolve('dist/standalone/ts-tools');
export const NO_FUSE = { TS_TOOLS_NO_FUSE: '1' };

export const original = (path: string, ...rest: string[]): Contender => ({
  who: path.split('/').at(-1) as string,
  argv: [path, ...rest],
});
export const ours = (name: string, ...rest: string[]): Contender => ({ who: name, argv: [`${bin}/${name}`, ...rest] });
export const standalone = (name: string, ...rest: string[]): Contender => ({
  who: 'ts-tools (stand-alone)',
  argv: [all, name, ...rest],
});
