import { isTerminal } from '@ts/cli';
import { encodeMessage, type Message, messagesIn, NetlinkError, type NetlinkSocket } from '@ts/netlink';
import { Failure, NLM_F_CREATE, readOpen, writeAll } from '@ts/sys';
import { FAILED, WRONG } from './words.ts';

/** More than any list of a machine. */
const MOST = 64 * 1024 * 1024;
const STDIN = 0;
const STDOUT = 1;

/** What such a file begins with, by object. */
export const MAGIC = { route: 0x45311224, address: 0x47361222, rule: 0x71706986 } as const;

/** Writes messages to standard output, which must not be a terminal. */
export function saveAll(magic: number, messages: () => readonly Message[]): void {
  if (isTerminal(STDOUT)) throw new Failure('Not sending a binary stream to stdout', FAILED);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(magic);
  writeAll(STDOUT, Buffer.concat([head, ...messages().map(encodeMessage)]));
}

/** Messages of standard input, which must begin with `magic`. @param what The object, for messages. */
export function savedMessages(magic: number, what: string): Message[] {
  if (isTerminal(STDIN)) throw new Failure(`Can't restore ${what} dump from a terminal`, WRONG);
  const bytes = readOpen(STDIN, MOST);
  const found = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
  if (found !== magic)
    throw new Failure(`Magic mismatch (${bytes.length < 4 ? 0 : 1} elems, ${found.toString(16)} magic)`, WRONG);
  try {
    return [...messagesIn(bytes.subarray(4))];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Failure(`malformed ${what} dump: ${error.message}`, WRONG);
  }
}

/** Sends saved messages; what is there already stays. */
export function restoreAll(socket: NetlinkSocket, messages: readonly Message[], what: string): void {
  for (const { type, flags, body } of messages)
    try {
      socket.request({ type, flags: flags | NLM_F_CREATE, body }, what);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== 'EEXIST') throw error;
    }
}
