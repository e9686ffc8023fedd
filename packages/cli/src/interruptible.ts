/** Long work in steps, between which signals are heard: it takes back what it has made, and the tool dies as if it had not listened. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the work; at one of these signals it is told to abort, and when it has, the process ends by that signal. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let heard: NodeJS.Signals | undefined;
  const listen = (signal: NodeJS.Signals) => {
    heard = signal;
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  for (const signal of SIGNALS) process.on(signal, listen);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, listen);
    if (heard !== undefined) process.kill(process.pid, heard);
  }
}
