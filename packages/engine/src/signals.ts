/**
 * Signals that are listened to. They are blocked as long as somebody listens, and taken when there is time for them: there is no handler
 * that could run in the midst of anything, and no turn of an event loop either. Whoever works for long asks (`hear`) now and then.
 */
import { host } from './host.ts';

/** Those that may be listened to: they ask a process to end. The numbers are the same on every architecture. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type Signal = keyof typeof SIGNALS;
export type SignalListener = (signal: Signal, number: number) => void;

export const isSignal = (name: string): name is Signal => Object.hasOwn(SIGNALS, name);

/** @throws TypeError for a name that is none of these. */
export function signalNumber(signal: string | number): number {
  if (typeof signal === 'number') return signal;
  if (isSignal(signal)) return SIGNALS[signal];
  throw Object.assign(new TypeError(`Unknown signal: ${signal}`), { code: 'ERR_UNKNOWN_SIGNAL' });
}

const bit = (signal: Signal) => 1n << BigInt(SIGNALS[signal] - 1);

const listeners = new Map<Signal, SignalListener[]>();
/** Of the signals that are listened to, those that had been blocked before. */
let blockedBefore = 0n;

const heardSet = () => [...listeners.keys()].reduce((set, signal) => set | bit(signal), 0n);

/** Tells the listeners of what comes within that time (in milliseconds), of the first one at once; with 0, of all that has come. */
export function hear(milliseconds = 0): void {
  const set = heardSet();
  if (set === 0n && milliseconds === 0) return;
  for (let wait = milliseconds; ; wait = 0) {
    const number = host.takeSignal(set, wait);
    if (number === 0) return;
    const [signal] = [...listeners.keys()].filter((name) => SIGNALS[name] === number);
    for (const listener of [...(listeners.get(signal as Signal) ?? [])]) listener(signal as Signal, number);
  }
}

export function listen(signal: Signal, listener: SignalListener): void {
  const present = listeners.get(signal);
  if (present) {
    present.push(listener);
    return;
  }
  listeners.set(signal, [listener]);
  blockedBefore |= host.block(bit(signal));
}

/** What has come up to now is told first: it has been meant for the listener. */
export function unlisten(signal: Signal, listener: SignalListener): void {
  hear();
  const left = [...(listeners.get(signal) ?? [])];
  const at = left.lastIndexOf(listener);
  if (at < 0) return;
  left.splice(at, 1);
  if (left.length) {
    listeners.set(signal, left);
    return;
  }
  listeners.delete(signal);
  if (!(blockedBefore & bit(signal))) host.unblock(bit(signal));
  blockedBefore &= ~bit(signal);
}
