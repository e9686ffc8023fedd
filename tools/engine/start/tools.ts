/** The entry of the executable: what is called while the snapshot is made, and in each process that starts with it. */

// Puts in place what all else takes from a runtime.
import '@ts/engine';

import { names, only, tools } from 'generated:tools';
import { main, multicall, rehearse, type Tool } from '@ts/cli';
import { host, native, process as own, provide, started } from '@ts/engine';
import { errnoName, readLink, strerror, unlessRefused, useNative } from '@ts/sys';
import * as childProcess from './child-process.ts';
import { inherited } from './inherited.ts';
import * as os from './os.ts';

declare const VERSION: string;
declare const BUILD: string;

const build = {
  version: VERSION,
  id: BUILD,
  tools,
  names,
  help: () => require('@ts/cli/help') as typeof import('@ts/cli/help'),
};

const ENOENT = 2;

/** While a rehearsal runs, the kernel has nothing: what is never told of the machine that builds cannot stay in the snapshot. */
const nothing = { ...native, syscall: () => -1, errno: () => ENOENT };

/** What a rehearsal is told of its process: that of nobody. */
const NOBODY = {
  untouched: true as const,
  descriptors: [[0, 2]] as const,
  ignored: 0n,
  blocked: 0n,
  argv: [],
  environment: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
};

const entries = {
  /** Loads each tool, and goes as far as it can without a call that changes something. */
  rehearse(): void {
    errnoName(2);
    strerror(2);
    for (const name of Object.keys(tools) as (keyof typeof tools)[]) {
      useNative(nothing);
      (tools[name] as () => Tool)();
      rehearse(build, name, NOBODY);
    }
    useNative(native);
  },
  start(): void {
    started();
    const file = unlessRefused(() => readLink('/proc/self/exe'));
    if (only === undefined) multicall(build, inherited(), host.executed(), file);
    else main(build, only, inherited(), file);
  },
  ended(): void {
    own.emit('beforeExit');
  },
};
provide('node:child_process', childProcess);
provide('node:os', os);
Object.assign(globalThis, entries);
useNative(native);
