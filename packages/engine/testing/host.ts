/** A host for the tests, where there is none: bytes in plain JavaScript, and a process that is made up. To be imported before what uses it. */
import type { Host } from '../src/host.ts';
import { bytesHost } from './bytes.ts';

/** Ends what runs, as `exit` does. */
export class Exit extends Error {
  constructor(readonly status: number) {
    super(`exit ${status}`);
  }
}

/** What a test says of the process, and reads back. */
export const machine = {
  directory: '/srv/here' as string | number,
  arguments: ['ts-tool', '--option', 'value'],
  environment: ['PATH=/usr/bin:/bin', 'EMPTY=', 'TWICE=first', 'TWICE=second', 'NO_EQUALS', '=x=y', 'A=b=c'],
  ids: [1000, 0, 100, 0] as const,
  /** Nanoseconds since some time. */
  clock: 5_000_000_000n,
  blocked: 0n,
  /** Signals that come, and after how many milliseconds of waiting. */
  coming: [] as { signal: number; after: number }[],
  killed: [] as (readonly [pid: number, signal: number])[],
  killResult: 0,
  written: [] as { fd: number; text: string }[],
  /** Bytes that a write takes at most. */
  room: 7,
};

/** What only a real process has. */
const absent = (name: string) => (): never => {
  throw new Error(`the made-up host has no ${name}`);
};

export const testHost: Host = {
  ...bytesHost,
  syscall: absent('syscall'),
  address: absent('address'),
  keptText: absent('keptText'),
  tapeAddress: () => 0x400_000,
  play: absent('play'),
  ignoredSignals: () => 0n,
  blockedSignals: () => machine.blocked,
  executed: () => '/usr/bin/ts-tools',
  arch: 'x64',
  pid: () => 4321,
  ids: () => machine.ids,
  workingDirectory: () => machine.directory,
  arguments: () => [...machine.arguments],
  environment: () => [...machine.environment],
  executable: () => '/usr/bin/ts-tools',
  exit(status) {
    throw new Exit(status);
  },
  kill(pid, signal) {
    machine.killed.push([pid, signal]);
    return machine.killResult;
  },
  write(fd, bytes) {
    if (machine.room <= 0) return machine.room;
    const part = bytes.subarray(0, machine.room);
    machine.written.push({ fd, text: bytesHost.utf8(part, 0, part.length) });
    return part.length;
  },
  monotonic: () => machine.clock,
  block(signals) {
    const before = machine.blocked & signals;
    machine.blocked |= signals;
    return before;
  },
  unblock(signals) {
    machine.blocked &= ~signals;
  },
  takeSignal(signals, milliseconds) {
    const at = machine.coming.findIndex(
      ({ signal, after }) => (signals >> BigInt(signal - 1)) & 1n && after <= milliseconds,
    );
    const [found] = at < 0 ? [] : machine.coming.splice(at, 1);
    machine.clock += BigInt(found?.after ?? milliseconds) * 1_000_000n;
    for (const each of machine.coming) each.after = Math.max(0, each.after - (found?.after ?? milliseconds));
    return found?.signal ?? 0;
  },
};

const given = globalThis as { host?: Host };
given.host ??= testHost;
