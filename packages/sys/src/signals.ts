/** Signals by name, as kill(1) knows them. */
import * as signals from './const/signal.ts';

const SIGRTMIN = 34;
const SIGRTMAX = 64;
const ALIASES: Readonly<Record<string, number>> = {
  SIGIOT: signals.SIGABRT,
  SIGPOLL: signals.SIGIO,
  SIGCLD: signals.SIGCHLD,
};

/** Number of a signal name, with or without SIG, in any case; RTMIN+n and RTMAX-n too. undefined for no signal. */
export function signalNumber(name: string): number | undefined {
  const upper = name.toUpperCase();
  const full = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const realtime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(full);
  if (realtime) {
    const [, end, sign, distance = '0'] = realtime;
    const number = (end === 'MIN' ? SIGRTMIN : SIGRTMAX) + (sign === '-' ? -1 : 1) * Number(distance);
    return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
  }
  return (signals as Readonly<Record<string, number>>)[full] ?? ALIASES[full];
}

/** Name of a signal without SIG, as kill(1) lists it; undefined where it has none. */
export const signalName = (number: number): string | undefined =>
  Object.entries(signals)
    .find(([name, value]) => value === number && !(name in ALIASES))?.[0]
    .slice('SIG'.length);
