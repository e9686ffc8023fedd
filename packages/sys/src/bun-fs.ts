/**
 * `node:fs` in the stand-alone executable, for what does not go by ./files.ts: passed on when it is called, since loading that module takes
 * Bun as long as all the rest of a tool.
 */
import { F_OK, R_OK, W_OK, X_OK } from './const/access.ts';

type Fs = typeof import('node:fs');

export const constants = { F_OK, R_OK, W_OK, X_OK };

let loaded: Fs | undefined;

const passedOn = <Name extends keyof Fs>(name: Name) =>
  ((...words: unknown[]) => {
    loaded ??= process.getBuiltinModule('node:fs');
    return (loaded[name] as (...words: unknown[]) => unknown)(...words);
  }) as Fs[Name];

export const accessSync = passedOn('accessSync');
export const closeSync = passedOn('closeSync');
export const createReadStream = passedOn('createReadStream');
export const existsSync = passedOn('existsSync');
export const fstatSync = passedOn('fstatSync');
export const lstatSync = passedOn('lstatSync');
export const opendirSync = passedOn('opendirSync');
export const openSync = passedOn('openSync');
export const readdirSync = passedOn('readdirSync');
export const readFileSync = passedOn('readFileSync');
export const readlinkSync = passedOn('readlinkSync');
export const readSync = passedOn('readSync');
export const statSync = passedOn('statSync');
export const writeFileSync = passedOn('writeFileSync');
