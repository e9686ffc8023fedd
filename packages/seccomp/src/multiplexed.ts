/** Calls that 32-bit x86 also makes through socketcall(2) and ipc(2), by the number that is their first argument. */
import { lets } from './action.ts';
import { type Architecture, callsOf } from './architecture.ts';
import type { Clause, Condition } from './policy.ts';

const SOCKETCALL =
  'socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg'.split(
    ' ',
  );

const IPC: ReadonlyMap<string, number> = new Map(
  Object.entries({
    semop: 1,
    semget: 2,
    semctl: 3,
    semtimedop: 4,
    msgsnd: 11,
    msgrcv: 12,
    msgget: 13,
    msgctl: 14,
    shmat: 21,
    shmdt: 22,
    shmget: 23,
    shmctl: 24,
  }),
);

/** The upper half of ipc's first argument is a version. */
const CALL_OF_IPC = 0xffffn;

function throughWhich(name: string): readonly [call: string, condition: Condition] | undefined {
  const socket = SOCKETCALL.indexOf(name);
  if (socket >= 0) return ['socketcall', { index: 0, comparison: 'EQ', value: BigInt(socket + 1) }];
  const ipc = IPC.get(name);
  return ipc === undefined
    ? undefined
    : ['ipc', { index: 0, comparison: 'MASKED_EQ', mask: CALL_OF_IPC, value: BigInt(ipc) }];
}

/** The call that a name is also made through. */
export const multiplexerOf = (name: string): string | undefined => throughWhich(name)?.[0];

const NONE: readonly never[] = [];

/**
 * The same clause for the call that it is made through, with that call's number; none where there is none.
 *
 * The arguments lie in memory then, where no filter can look. So a clause with conditions that lets a call pass is not taken
 * over; one that stops it stops it whatever the arguments.
 */
export function multiplexedClauses(
  architecture: Architecture,
  name: string,
  { conditions, action }: Clause,
): readonly (readonly [number: number, clause: Clause])[] {
  if (!architecture.multiplexed || (conditions.length > 0 && lets(action))) return NONE;
  const through = throughWhich(name);
  const number = through && callsOf(architecture).get(through[0]);
  return through && number !== undefined ? [[number, { conditions: [through[1]], action }]] : NONE;
}
