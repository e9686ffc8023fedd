/** A process in namespaces of its own, made by the host's unshare, for others to enter. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { original, originalPath } from './run.ts';

/** Text of a file, '' where it is not there. */
export const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

export const childrenOf = (pid: number): number[] =>
  textOf(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);

/** Waits for what must come; throws where it does not. */
export function until(what: string, holds: () => boolean): void {
  for (let round = 0; round < 500; round++) {
    if (holds()) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  throw new Error(`has not happened: ${what}`);
}

/** A process of the host that is ended with the test's scope. */
export function untilScopeEnds(
  [program, ...words]: readonly [string, ...string[]],
  options: { readonly uid?: number; readonly env?: NodeJS.ProcessEnv } = {},
): { readonly pid: number } & AsyncDisposable {
  const child = spawn(program, words, { stdio: 'ignore', gid: options.uid, ...options });
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Sleeps, as unshare(1) was told by `options`, until it is disposed of. */
export function sleepingTarget(
  options: readonly string[],
  uid: number,
  env: NodeJS.ProcessEnv = {},
): { readonly pid: number } & Disposable {
  const unshare = spawn(original('unshare') as string, [...options, 'sleep', '600'], {
    uid,
    gid: uid,
    stdio: 'ignore',
    env: { PATH: originalPath, ...env },
  });
  const parent = unshare.pid as number;
  const sleeper = () => [parent, ...childrenOf(parent)].find((pid) => textOf(`/proc/${pid}/comm`) === 'sleep\n');
  const dispose = () => {
    for (const child of childrenOf(parent)) process.kill(child, 'SIGKILL');
    unshare.kill('SIGKILL');
  };
  try {
    until('the target sleeps', () => sleeper() !== undefined);
  } catch (error) {
    dispose();
    throw error;
  }
  return { pid: sleeper() as number, [Symbol.dispose]: dispose };
}
