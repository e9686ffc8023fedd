/** Waiting, as node:timers/promises has it. The process sleeps meanwhile: all that could go on are signals, which are heard. */
import { host } from './host.ts';
import { hear } from './signals.ts';

const now = () => Number(host.monotonic()) / 1e6;

export async function setTimeout<T>(milliseconds = 1, value?: T): Promise<T> {
  const end = now() + Math.max(milliseconds, 1);
  for (let left = Math.max(milliseconds, 1); left > 0; left = end - now()) hear(Math.ceil(left));
  return value as T;
}

export async function setImmediate<T>(value?: T): Promise<T> {
  hear();
  return value as T;
}
