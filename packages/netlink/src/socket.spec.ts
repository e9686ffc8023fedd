/** What the kernel seldom answers: lists that change while they are read, lost and foreign messages, datagrams too long. */
import {
  errnoOf,
  type LiveSys,
  NETLINK_ROUTE,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  SysError,
} from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { NetlinkError } from './error.ts';
import { encodeMessage, messagesIn } from './message.ts';
import { NetlinkSocket } from './socket.ts';

/** One datagram of an answer, or an error of recv(2), or a length that is longer than the buffer. */
type Answer = ((sequence: number) => Buffer) | string | number;

/** A kernel that answers each request with the next list of datagrams. */
function kernel(answers: readonly (readonly Answer[])[]) {
  const asked: number[] = [];
  const left = [...answers];
  const queue: Answer[] = [];
  const take = (bytes: Buffer) => {
    const { sequence = 0 } = [...messagesIn(bytes)].at(-1) ?? {};
    asked.push(sequence);
    queue.push(...(left.shift() ?? []));
    return bytes.length;
  };
  const sys = {
    socket: () => 3,
    setsockopt: () => 0,
    ignoring: () => sys,
    look: () => 0,
    ask: (_: number, bytes: Buffer) => take(bytes),
    recv: (_: number, buffer: Buffer) => {
      const answer = queue.shift();
      if (typeof answer === 'number') return answer;
      if (typeof answer === 'string') throw new SysError('recvfrom', errnoOf(answer), 'recvfrom', 'receive', 1);
      if (!answer) throw new Error('would wait for ever');
      const bytes = answer(asked.at(-1) as number);
      bytes.copy(buffer);
      return bytes.length;
    },
  };
  const warnings: string[] = [];
  const socket = NetlinkSocket.open(sys as unknown as LiveSys, NETLINK_ROUTE, { warn: (text) => warnings.push(text) });
  return { socket, asked, warnings };
}

const item =
  (value: number, flags = 0, shift = 0): Answer =>
  (sequence) =>
    encodeMessage({
      type: 16,
      flags: NLM_F_MULTI | flags,
      sequence: sequence + shift,
      body: Buffer.of(value, 0, 0, 0),
    });
const end = (errno = 0): Answer => {
  const body = Buffer.alloc(4);
  body.writeInt32LE(-errno);
  return (sequence) => encodeMessage({ type: NLMSG_DONE, flags: NLM_F_MULTI, sequence, body });
};
const refusal =
  (errno: number): Answer =>
  (sequence) => {
    const body = Buffer.alloc(20);
    body.writeInt32LE(-errno);
    return encodeMessage({ type: NLMSG_ERROR, flags: 0, sequence, body });
  };
const REQUEST = { type: 18, body: Buffer.alloc(16) };
const valuesOf = (socket: NetlinkSocket) => socket.dump(REQUEST, 'list').map(({ body }) => body[0]);

describe('dump', () => {
  test('a list that changed while it was read is asked for again', () => {
    const { socket, asked, warnings } = kernel([
      [item(1), item(2, NLM_F_DUMP_INTR), end()],
      [item(1), item(3), end()],
    ]);
    expect(valuesOf(socket)).toEqual([1, 3]);
    expect(asked).toEqual([1, 2]);
    expect(warnings).toEqual([]);
  });

  test('ten times; then it is said', () => {
    const { socket, asked, warnings } = kernel(Array.from({ length: 12 }, () => [item(1, NLM_F_DUMP_INTR), end()]));
    expect(valuesOf(socket)).toEqual([1]);
    expect(asked).toHaveLength(10);
    expect(warnings).toEqual(['list: the list changed each time while it was read']);
  });

  test('messages that were lost (ENOBUFS): read to its end, and asked for again', () => {
    const { socket, asked } = kernel([
      [item(1), 'ENOBUFS', item(3), end()],
      [item(1), item(2), item(3), end()],
    ]);
    expect(valuesOf(socket)).toEqual([1, 2, 3]);
    expect(asked).toHaveLength(2);
  });

  test('answers to other requests are passed over', () => {
    const { socket } = kernel([[item(9, 0, -1), item(1), item(9, 0, 1), end()]]);
    expect(valuesOf(socket)).toEqual([1]);
  });

  test('refused at its beginning or at its end', () => {
    const { socket } = kernel([[refusal(errnoOf('EPERM'))], [item(1), end(errnoOf('ENODEV'))]]);
    expect(() => socket.dump(REQUEST)).toThrow(NetlinkError);
    expect(() => socket.dump(REQUEST, 'list')).toThrow('list: No such device');
  });

  test('a kind of list that the kernel does not know is empty', () => {
    const { socket } = kernel([[refusal(errnoOf('EOPNOTSUPP'))]]);
    expect(socket.dump(REQUEST)).toEqual([]);
  });

  test('a datagram that is longer than the buffer is an error, never a list cut off; so is any other one', () => {
    const { socket } = kernel([[1 << 20], ['EINTR']]);
    expect(() => socket.dump(REQUEST)).toThrow(RangeError);
    expect(() => socket.dump(REQUEST)).toThrow('Interrupted system call');
  });
});
