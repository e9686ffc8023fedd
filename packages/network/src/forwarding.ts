/**
 * Whether the kernel passes packets on (net.ipv4.ip_forward): turned on for the first rule, and put back with the last one.
 *
 * What it was is kept in the comments of our tables, so it is known as long as it is needed, and gone with them.
 */

import { findTable, listTables, type Table } from '@ts/netlink';
import * as sys from '@ts/sys';
import { NetworkFailure } from './failure.ts';
import type { Network } from './network.ts';

/** Our tables: this one, and one of each `run`, with its process id behind the name. */
export const TABLE = 'ts-netns';
const isOurs = (name: string): boolean => name === TABLE || name.startsWith(`${TABLE}-`);

const FILES = {
  ip_forward: '/proc/sys/net/ipv4/ip_forward',
  ip6_forward: '/proc/sys/net/ipv6/conf/all/forwarding',
} as const;
type Switch = keyof typeof FILES;
const SWITCHES = Object.keys(FILES) as Switch[];

/** A switch that was off stands in the comment of the table that turned it on. */
const wasOff = (table: Table | undefined, which: Switch) => (table?.comment ?? '').split(' ').includes(`${which}=0`);

const read = (network: Network, which: Switch) => network.there(() => network.files.read(FILES[which])?.trim());

function write(network: Network, which: Switch, value: string): void {
  const path = FILES[which];
  try {
    network.there(() => {
      const fd = network.sys.or(`cannot open ${path}`).open(path, sys.O_WRONLY);
      try {
        network.sys.or(`cannot write ${path}`).write(fd, sys.encode(value));
      } finally {
        network.sys.close(fd);
      }
    });
  } catch (error) {
    if (!(error instanceof sys.SysError)) throw error;
    throw new NetworkFailure('forwarding', error.said, undefined, path, error.code);
  }
}

const ours = (network: Network) => listTables(network.filter, sys.NFPROTO_INET).filter(({ name = '' }) => isOurs(name));

/** Turns on what a rule of that family needs. Result: the comment for the table. @param undo Gets what takes that back. */
export function forward(network: Network, family: number, table: string, undo: sys.Journal): string {
  const which: Switch = family === sys.AF_INET6 ? 'ip6_forward' : 'ip_forward';
  const before = findTable(network.filter, sys.NFPROTO_INET, table);
  const off = SWITCHES.filter((each) => wasOff(before, each));
  if (!off.includes(which)) {
    if (read(network, which) === '0') {
      write(network, which, '1');
      undo.add(() => write(network, which, '0'));
      off.push(which);
    } else if (ours(network).some((other) => wasOff(other, which))) off.push(which);
  }
  return off.map((each) => `${each}=0`).join(' ');
}

/** Puts back what a table that is gone now had turned on, unless another one of ours needs it. */
export function release(network: Network, comment: string): void {
  const left = ours(network);
  if (left.length) return;
  for (const which of SWITCHES) if (wasOff({ comment }, which)) write(network, which, '0');
}
