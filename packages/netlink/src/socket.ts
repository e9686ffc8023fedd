/** A socket to the kernel: requests with acknowledgements, dumps, batches, notifications. netlink(7). */
import {
  AF_NETLINK,
  errnoOf,
  inWords,
  type LiveSys,
  MSG_TRUNC,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
  SysError,
} from '@ts/sys';
import { acknowledgement, DumpError, done, NetlinkError } from './error.ts';
import { encodeMessage, type Message, messagesIn } from './message.ts';
import { inNamespace } from './namespace.ts';

/** A request: its type, flags beside NLM_F_REQUEST and NLM_F_ACK, and what follows the header. */
export interface Request {
  readonly type: number;
  readonly flags?: number;
  readonly body: Buffer;
  /** False where only a refusal is answered (the frame of an nfnetlink batch). */
  readonly acknowledged?: false;
}

/** A dump that was changed while it was read is started over, so often at most. */
const ATTEMPTS = 10;
/** Larger than any datagram that the kernel makes of a list. */
const BUFFER = 1 << 18;
/** Acknowledgements of so many requests fit into the buffer of a socket, also where all are refused in words. */
const TOGETHER = 100;
/** What every socket may send at once. */
const ROOM = 1 << 16;
const EOPNOTSUPP = errnoOf('EOPNOTSUPP');
const ENOBUFS = errnoOf('ENOBUFS');
const EPERM = errnoOf('EPERM');
const ENOPROTOOPT = errnoOf('ENOPROTOOPT');

/** What a socket is opened with. */
export interface SocketOptions {
  /** Descriptor of the network namespace that the socket is to be in; by default the caller's. The process is not moved. */
  readonly namespace?: number;
  /** Is told what the kernel says in words without refusing. */
  readonly warn?: (text: string) => void;
}

/** A socket to the kernel. It is closed by `close`, or at the end of its block by `using`. One call at a time: each waits for its answer. */
export class NetlinkSocket implements Disposable {
  readonly #buffer = Buffer.allocUnsafe(BUFFER);
  #sequence = 0;

  private constructor(
    readonly sys: LiveSys,
    readonly fd: number,
    readonly warn: (text: string) => void,
  ) {}

  /** @param protocol NETLINK_*. @throws EPROTONOSUPPORT where the kernel lacks it; EPERM where the namespace may not be entered. */
  static open(sys: LiveSys, protocol: number, { namespace, warn = () => {} }: SocketOptions = {}): NetlinkSocket {
    const fd = inNamespace(sys, namespace, () => sys.socket(AF_NETLINK, SOCK_RAW, protocol));
    const optional = sys.ignoring(ENOPROTOOPT);
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK])
      optional.setsockopt(fd, SOL_NETLINK, option, 1);
    return new NetlinkSocket(sys, fd, warn);
  }

  /** Subscribes to a group of notifications (RTNLGRP_*). */
  join(group: number): void {
    this.sys.setsockopt(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  /** Room for a datagram of so many bytes; without CAP_NET_ADMIN no more than net.core.wmem_max. */
  room(bytes: number): void {
    if (this.sys.ignoring(EPERM).setsockopt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes) < 0)
      this.sys.setsockopt(this.fd, SOL_SOCKET, SO_SNDBUF, bytes);
  }

  /** The next datagram's messages; waits for it. @throws SysError ENOBUFS where some were lost. RangeError where one is too long. */
  receive(): Message[] {
    const length = this.sys.recv(this.fd, this.#buffer, MSG_TRUNC);
    if (length > BUFFER) throw new RangeError(`a netlink datagram of ${length} bytes, longer than any that is known`);
    // Copied: the next answer goes into the same memory.
    return [...messagesIn(Buffer.from(this.#buffer.subarray(0, length)))];
  }

  #encode({ type, flags = 0, body }: Request, more: number): Buffer {
    this.#sequence++;
    return encodeMessage({ type, flags: flags | more | NLM_F_REQUEST, sequence: this.#sequence, body });
  }

  /**
   * Sends a request that changes something, and waits until the kernel has acknowledged it.
   *
   * @param what The request in words, for messages. @returns Messages that came before the acknowledgement (NLM_F_ECHO).
   * @throws NetlinkError
   */
  request(request: Request, what = `netlink request ${request.type}`): Message[] {
    return this.requestAll([request], what);
  }

  /**
   * Sends several requests, a hundred in each datagram; the kernel works them off in order, also behind one that it refuses.
   *
   * @returns Messages that came before the acknowledgements (NLM_F_ECHO).
   * @throws NetlinkError The first refusal, with its place in `index`; all have been answered then.
   */
  requestAll(requests: readonly Request[], what = 'netlink batch'): Message[] {
    const messages: Message[] = [];
    let refused: NetlinkError | undefined;
    for (let at = 0; at < requests.length; at += TOGETHER)
      try {
        messages.push(...this.requestTogether(requests.slice(at, at + TOGETHER), what));
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        refused ??= error.at(at);
      }
    if (refused) throw refused;
    return messages;
  }

  /**
   * Sends several requests in one datagram. For what the kernel takes only so (the frame of an nfnetlink batch): of more than a
   * few hundred, all but the last should be `acknowledged: false`.
   *
   * @throws NetlinkError The first refusal. SysError EMSGSIZE where they are too long together.
   */
  requestTogether(requests: readonly Request[], what = 'netlink batch'): Message[] {
    const first = this.#sequence + 1;
    const messages = requests.map((request) => this.#encode(request, request.acknowledged === false ? 0 : NLM_F_ACK));
    const datagram = inWords(Buffer.concat(messages), what);
    if (datagram.length > ROOM) this.room(datagram.length);
    // Nothing is sent, nothing answered where calls are only shown.
    if (this.sys.send(this.fd, datagram) === 0) return [];
    return this.#collect(first, requests, what);
  }

  /** Asks for one object. @returns The answer. @throws NetlinkError */
  get(request: Request, what = `netlink request ${request.type}`): Message {
    this.sys.ask(this.fd, this.#encode(request, 0));
    const sequence = this.#sequence;
    for (;;)
      for (const message of this.receive()) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_ERROR) throw new NetlinkError(acknowledgement(message), what);
        return message;
      }
  }

  /**
   * Asks for all objects. A list that changed while it was read is asked for again, up to ten times; then `warn` is told.
   *
   * @throws NetlinkError
   */
  dump(request: Request, what = `netlink dump ${request.type}`): Message[] {
    for (let attempt = 1; ; attempt++) {
      this.sys.ask(this.fd, this.#encode(request, NLM_F_DUMP));
      const { messages, whole } = this.#part(what);
      if (!whole && attempt === ATTEMPTS) this.warn(`${what}: the list changed each time while it was read`);
      if (whole || attempt === ATTEMPTS) return messages;
    }
  }

  #part(what: string): { messages: Message[]; whole: boolean } {
    const sequence = this.#sequence;
    const messages: Message[] = [];
    let whole = true;
    const next = () => {
      try {
        return this.receive();
      } catch (error) {
        // What was lost are notifications, or a part of this list. Its end comes all the same.
        if (!(error instanceof SysError) || error.errno !== ENOBUFS) throw error;
        whole = false;
        return [];
      }
    };
    for (;;)
      for (const message of next()) {
        if (message.sequence !== sequence) continue;
        if (message.flags & NLM_F_DUMP_INTR) whole = false;
        if (message.type === NLMSG_DONE) {
          const answer = done(message);
          if (answer.errno > 0) throw new DumpError(answer, what);
          return { messages, whole };
        }
        if (message.type === NLMSG_ERROR) {
          const answer = acknowledgement(message);
          // A kernel without a dump of that kind has none of them.
          if (answer.errno === EOPNOTSUPP && answer.text === undefined) return { messages, whole };
          throw new DumpError(answer, what);
        }
        messages.push(message);
      }
  }

  /** Waits for the acknowledgements of requests from sequence number `first` on. */
  #collect(first: number, requests: readonly Request[], what: string): Message[] {
    const count = requests.filter(({ acknowledged }) => acknowledged !== false).length;
    const messages: Message[] = [];
    let refused: NetlinkError | undefined;
    for (let answered = 0; answered < count; )
      for (const message of this.receive()) {
        const index = message.sequence - first;
        if (index < 0 || index >= requests.length) continue;
        if (message.type !== NLMSG_ERROR) {
          messages.push(message);
          continue;
        }
        const answer = acknowledgement(message);
        // The frame is refused: nothing in it is looked at.
        if (requests[index]?.acknowledged === false) throw new NetlinkError(answer, what, index);
        answered++;
        if (answer.errno) refused ??= new NetlinkError(answer, what, index);
        else if (answer.text !== undefined) this.warn(answer.text);
      }
    if (refused) throw refused;
    return messages;
  }

  close(): void {
    this.sys.look('close', this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
