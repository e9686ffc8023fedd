/**
 * What Node is started with, as a script or with -e: reads the tool's script and its code cache out of the tool's own file, and runs it.
 *
 * `process.argv` is: node, path of this script if it is one, state, group that was left, argv[0], argv[1] …; the state begins with the
 * number of the descriptor of the file.
 */
import { builtin, cacheKey, SCRIPT_NAME } from './key.ts';
import type { Behind, Part, Parts, Run, Script } from './parts.ts';

/** Defined before this text. */
declare const PARTS: Parts;
/** Whether the clock of the benchmark (tools/bench/startup.ts) is told where a part of the start-up is over: known to the bundler. */
declare const PHASES: boolean;
declare const phase: (words: string) => void;

type Index = Readonly<Record<string, readonly [number, number, number, number] | undefined>>;

if (PHASES) phase('Node');

const { closeSync, readlinkSync, readSync } = builtin('fs');
const DESCRIPTORS = '/proc/self/fd/';
const isFile = __filename.startsWith(DESCRIPTORS);
const state = process.argv[isFile ? 2 : 1] as string;
const own = Number.parseInt(state, 10);
const ownPath = DESCRIPTORS + own;
// Without /proc the launcher has put the path of the file at the end of the state.
const library = state.split(':').slice(6).join(':') || ownPath;
if (isFile) closeSync(Number(__filename.slice(DESCRIPTORS.length)));

let isCached = false;
try {
  isCached = cacheKey() === PARTS.key;
} catch {} // a Node that cannot be looked at starts slower

let file: string | undefined;
try {
  file = readlinkSync(ownPath);
} catch {} // the file has no path without /proc

function read(offset: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  readSync(own, bytes, 0, size, offset);
  return bytes;
}

const textOf = ({ offset, size }: Part): string => read(offset, size).toString('latin1');

/** Compiles a script; a cache of no bytes is none. */
function compile(text: string, offset: number, size: number): import('node:vm').Script {
  const cachedData = isCached && size ? read(offset, size) : undefined;
  return new (builtin('vm').Script)(text, { filename: SCRIPT_NAME, cachedData });
}

const whole = (): void => {
  const script: Script<Run> = compile(textOf(PARTS.wholeScript), 0, 0).runInThisContext();
  script(builtin, {})(PARTS.name, state, library, file);
};

let index: Index | undefined;
const behind: Behind = (name) => {
  index ??= JSON.parse(textOf(PARTS.index)) as Index;
  const found = index[name];
  if (!found) return undefined;
  const [at, size, cacheAt, cacheSize] = found;
  const start = PARTS.behind.offset;
  return compile(read(start + at, size).toString('latin1'), start + cacheAt, cacheSize).runInThisContext();
};

const compiled = compile(textOf(PARTS.script), PARTS.cache.offset, PARTS.cache.size);
if (PHASES) phase('compiled');
const run = (compiled.runInThisContext() as Script<Run>)(builtin, {});
if (PHASES) phase('loaded');
run(PARTS.name, state, library, file, whole, behind);
