/**
 * Exchanges with the kernel: recorded call by call, and played back without it.
 *
 * Played back, each call must be the one that was recorded at that place. One of them can be made to fail; what comes behind it
 * was not recorded, and is answered as the kernel would: changes are acknowledged, questions get their last recorded answer.
 */
import { decodeAttributes, encodeMessage, messagesIn, string } from '@ts/netlink';
import {
  BoundSys,
  bytesOf,
  type Call,
  errnoOf,
  Failure,
  formatCall,
  type Gate,
  IFLA_IFNAME,
  type LiveSys,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLMSG_ERROR,
  type OnFailure,
  type Operand,
  rawCall,
  SysError,
} from '@ts/sys';
import { type Files, Network } from '../src/index.ts';

/** A call, what it gave, and what was sent or received, in base64. */
export type Step = readonly [call: string, result: number | string | boolean | null, bytes?: string];

/** What is done with a network while it is recorded or played back. */
export type Act = (network: Network) => void;

const encoded = (bytes: Uint8Array, length = bytes.length) => Buffer.from(bytes.subarray(0, length)).toString('base64');
const decoded = (text = '') => Buffer.from(text, 'base64');

/** How a call is known again. Options of sockets do not matter. */
function nameOf(call: Call, operands: readonly Operand[]): string {
  if (call === 'sendto' || call === 'recvfrom') return `${call} ${operands[0]}`;
  return formatCall(call, operands);
}

/** As a gate ends a call that failed. */
function settle(call: Call, operands: readonly Operand[], result: number, failure: OnFailure): number {
  if (result >= 0 || failure.ignore === true || failure.ignore === -result) return result;
  throw new SysError(call, -result, formatCall(call, operands), failure.message, failure.status, failure.explain);
}

const networkOver = (gate: Gate, files: Files) => new Network(new BoundSys(gate, { status: 1 }) as LiveSys, files);

/** Does it on this kernel, and writes down each call. */
export function record(act: Act, files: Files): Step[] {
  const steps: Step[] = [];
  const gate: Gate = {
    live: true,
    call(call, operands, failure) {
      const result = rawCall(call, operands);
      const data = operands[1] as Uint8Array;
      if (call === 'sendto') steps.push([nameOf(call, operands), result, encoded(data)]);
      else if (call === 'recvfrom') steps.push([nameOf(call, operands), result, encoded(data, Math.max(0, result))]);
      else if (call !== 'setsockopt') steps.push([nameOf(call, operands), result]);
      return settle(call, operands, result, failure);
    },
  };
  const network = networkOver(gate, {
    read(path) {
      const text = files.read(path);
      steps.push([`read ${path}`, text ?? null]);
      return text;
    },
    exists(path) {
      const exists = files.exists(path);
      steps.push([`exists ${path}`, exists]);
      return exists;
    },
  });
  try {
    act(network);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  } finally {
    network.close();
  }
  return steps;
}

const TYPES: Readonly<Record<number, string>> = {
  16: 'new link',
  17: 'delete link',
  18: 'get link',
  20: 'new address',
  21: 'delete address',
  22: 'list addresses',
  24: 'new route',
  26: 'list routes',
  90: 'get id',
  2560: 'new table',
  2561: 'get table',
  2562: 'delete table',
  2563: 'new chain',
  2566: 'new rule',
  2567: 'list rules',
  2568: 'delete rule',
};

/** Bytes of struct ifinfomsg. */
const LINK = 16;

/** A datagram in words: each kind of message once, links with their index and name. */
function inWords(bytes: Buffer): string {
  const words = [...messagesIn(bytes)].flatMap(({ type, flags, body }) => {
    const known = TYPES[type];
    // The frame of a batch has the number of a link's message.
    if (known === undefined || (type < 19 && body.length < LINK)) return [];
    if (type >= 19) return [known];
    const { name } = decodeAttributes({ name: [IFLA_IFNAME, string] } as const, body.subarray(LINK));
    return [
      [type === 16 && !(flags & NLM_F_CREATE) ? 'set link' : known, body.readInt32LE(4) || undefined, name]
        .filter((word) => word !== undefined)
        .join(' '),
    ];
  });
  return [...new Set(words)].join(', ');
}

/** Calls that change nothing, beside those that only ask. */
const isLook = (call: string) =>
  /^(recvfrom|close|socket|read|exists|setns|flock)\b/.test(call) || /^openat\((?!.*O_CREAT)/.test(call);

const isChange = (bytes: Buffer) => [...messagesIn(bytes)].some(({ flags }) => flags & NLM_F_ACK);

/** Places of the calls that change something: each of them can fail. */
export const changesIn = (steps: readonly Step[]): number[] =>
  steps.flatMap(([call, , bytes], index) => {
    if (call.startsWith('sendto')) return isChange(decoded(bytes)) ? [index] : [];
    return isLook(call) ? [] : [index];
  });

/** Without the descriptor that is written to: which one is free does not matter. */
const written = (call: string) => call.replace(/^write\(\d+, (".*"), \d+\)$/, 'write $1');

/** Changes in words. */
export const wordsOf = ([call, , bytes]: Step): string =>
  call.startsWith('sendto') ? inWords(decoded(bytes)) : written(call);

/** Without its sequence number, which is another one each time. */
const question = (bytes: Buffer) => encoded(Buffer.concat([bytes.subarray(0, 8), bytes.subarray(16)]));

/** Descriptors from here on were not recorded. */
const FREE = 1000;

export interface Played {
  /** What was thrown. */
  readonly error?: unknown;
  /** What was changed behind the call that failed, in words. */
  readonly after: readonly string[];
  /** All calls, as they were made. */
  readonly calls: readonly string[];
  /** Descriptors of files that are still open. */
  readonly open: readonly number[];
  /** Calls that were not those recorded, and questions that have no recorded answer. */
  readonly strange: readonly string[];
}

interface Failing {
  /** Place of the call that fails. */
  readonly at: number;
  /** Name of its errno. */
  readonly code: string;
  /** What was asked and answered when all had been done. */
  readonly later?: readonly Step[];
}

/** The same again, without the kernel. */
export function play(steps: readonly Step[], act: Act, failing?: Failing): Played {
  const calls: string[] = [];
  const after: string[] = [];
  const strange: string[] = [];
  const open = new Set<number>();
  const queue: Buffer[] = [];
  let at = 0;
  let failed = false;

  function next(call: string, bytes?: Uint8Array): Step {
    const step = steps[at];
    const isSame = step?.[0] === call && (bytes === undefined || step[2] === encoded(bytes));
    if (!isSame) {
      strange.push(`${at}: ${call}${bytes ? ` ${inWords(Buffer.from(bytes))}` : ''}, not ${step && wordsOf(step)}`);
      throw new Error(strange.at(-1));
    }
    at++;
    return step;
  }

  const look = (call: string) => {
    if (!failed) return next(call)[1];
    const step = steps.findLast(([each]) => each === call);
    if (!step) strange.push(`no answer to ${call}`);
    return step?.[1];
  };

  const acknowledge = (bytes: Buffer, code?: string) => {
    const body = Buffer.alloc(20);
    body.writeInt32LE(code === undefined ? 0 : -errnoOf(code));
    const { sequence = 0 } =
      [...messagesIn(bytes)].find(({ flags }) => flags & NLM_F_ACK) ?? [...messagesIn(bytes)][0] ?? {};
    return encodeMessage({ type: NLMSG_ERROR, flags: 0, sequence, body });
  };

  /** The last answer that was recorded before the failure, or the first one of those that came later. */
  function answer(bytes: Buffer): Buffer[] {
    const key = question(bytes);
    const { sequence } = [...messagesIn(bytes)][0] as { sequence: number };
    const answersIn = (from: readonly Step[], place: number) => {
      const [call = ''] = from[place] ?? [];
      const datagrams: Buffer[] = [];
      for (let each = place + 1; from[each]?.[0] === call.replace('sendto', 'recvfrom'); each++)
        datagrams.push(decoded(from[each]?.[2]));
      return datagrams;
    };
    const isIt = ([call, , sent]: Step) => call.startsWith('sendto') && question(decoded(sent)) === key;
    const { later = [] } = failing ?? {};
    const inLater = later.findIndex(isIt);
    const before = steps.slice(0, at);
    const found = inLater >= 0 ? answersIn(later, inLater) : answersIn(before, before.findLastIndex(isIt));
    if (!found.length) strange.push(`no answer to ${inWords(bytes)}`);
    return found.map((datagram) =>
      Buffer.concat([...messagesIn(datagram)].map((message) => encodeMessage({ ...message, sequence }))),
    );
  }

  /** As it was recorded, where it is free. */
  function descriptorFor(opening: string): number {
    const recorded = steps.find(([each]) => each === opening)?.[1];
    return typeof recorded === 'number' && recorded >= 0 && !open.has(recorded) ? recorded : FREE + calls.length;
  }

  function made(call: Call, operands: readonly Operand[]): number {
    const name = nameOf(call, operands);
    const bytes = call === 'sendto' ? Buffer.from(bytesOf(operands[1] as Uint8Array)) : undefined;
    calls.push(bytes ? inWords(bytes) : name);
    if (call === 'recvfrom' && queue.length) {
      const datagram = queue.shift() as Buffer;
      datagram.copy(operands[1] as Buffer);
      return datagram.length;
    }
    if (failed) {
      if (bytes) queue.push(...(isChange(bytes) ? [acknowledge(bytes)] : answer(bytes)));
      if (bytes ? isChange(bytes) : !isLook(name)) after.push(bytes ? inWords(bytes) : written(name));
      if (call === 'recvfrom') throw new Error('would wait for ever');
      if (call === 'openat') return descriptorFor(name);
      return bytes?.length ?? (call === 'write' ? (operands[2] as number) : 0);
    }
    const [, result, received] = next(name, bytes);
    if (failing && at - 1 === failing.at) {
      failed = true;
      if (!bytes) return -errnoOf(failing.code);
      queue.push(acknowledge(bytes, failing.code));
    } else if (call === 'recvfrom') decoded(received).copy(operands[1] as Buffer);
    return result as number;
  }

  const gate: Gate = {
    live: true,
    call(call, operands, failure) {
      if (call === 'setsockopt') return 0;
      const result = made(call, operands);
      if (call === 'openat' && result >= 0) open.add(result);
      if (call === 'close') open.delete(operands[0] as number);
      return settle(call, operands, result, failure);
    },
  };
  const network = networkOver(gate, {
    read: (path) => (look(`read ${path}`) ?? undefined) as string | undefined,
    exists: (path) => look(`exists ${path}`) as boolean,
  });
  try {
    act(network);
  } catch (error) {
    return { error, after, calls, open: [...open], strange };
  }
  network.close();
  if (at < steps.length) strange.push(`${steps.length - at} calls less than recorded`);
  return { after, calls, open: [...open], strange };
}
