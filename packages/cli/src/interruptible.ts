/** Long work in steps, between which signals are heard: it takes back what it has made, and the tool dies as if it had not listened. */
import { SIGHUP, SIGINT, SIGTERM, signalSet } from '@ts/sys';
import type { World } from './world.ts';

const SIGNALS = { SIGINT, SIGTERM, SIGHUP } as const;

/** Runs the work; at one of these signals it is told to abort, and when it has, the process ends by that signal. What the caller had ignored (nohup) stays so. */
export async function interruptible<T>(
  { ignored = 0n }: Pick<World, 'ignored'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let heard: NodeJS.Signals | undefined;
  const listen = (signal: NodeJS.Signals) => {
    if ((ignored & signalSet([SIGNALS[signal as keyof typeof SIGNALS]])) !== 0n) return;
    heard = signal;
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const signal of names) process.on(signal, listen);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of names) process.removeListener(signal, listen);
    if (heard !== undefined) {
      process.kill(process.pid, heard);
      // Another thread may be the one that it ends: nothing more happens in this one.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
    }
  }
}
