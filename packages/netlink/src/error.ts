/** What the kernel answers when it refuses. */
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
  SysError,
} from '@ts/sys';
import { decodeAttributes, string, u32 } from './attribute.ts';
import { HEADER_SIZE, type Message } from './message.ts';

/** An answer to a request: 0 or an errno, and the words that the kernel adds (extended acknowledgement). */
export interface Acknowledgement {
  readonly errno: number;
  /** What the kernel says in words: why it refuses, or, without an error, a warning. */
  readonly text?: string;
  /** Where in the request the attribute stands that is wrong, in bytes. */
  readonly offset?: number;
  /** Type of an attribute that is missing. */
  readonly missing?: number;
}

const EXTENDED = {
  text: [NLMSGERR_ATTR_MSG, string],
  offset: [NLMSGERR_ATTR_OFFS, u32],
  missing: [NLMSGERR_ATTR_MISS_TYPE, u32],
} as const;

/** Decodes NLMSG_ERROR: the negated errno, the request's header (and, unless capped, the request), then attributes. */
export function acknowledgement({ flags, body }: Message): Acknowledgement {
  const errno = Math.abs(body.readInt32LE(0));
  if (!(flags & NLM_F_ACK_TLVS)) return { errno };
  const echoed = flags & NLM_F_CAPPED ? HEADER_SIZE : body.readUInt32LE(4);
  return { errno, ...decodeAttributes(EXTENDED, body.subarray(4 + ((echoed + 3) & ~3))) };
}

/** Decodes NLMSG_DONE, the end of a dump: the negated errno, then attributes. */
export function done({ flags, body }: Message): Acknowledgement {
  const errno = body.length >= 4 ? Math.abs(body.readInt32LE(0)) : 0;
  return flags & NLM_F_ACK_TLVS ? { errno, ...decodeAttributes(EXTENDED, body.subarray(4)) } : { errno };
}

/** A request that the kernel has refused. */
export class NetlinkError extends SysError {
  /** What the kernel says in words, where it does. */
  readonly text: string | undefined;
  /** Where in the request the attribute stands that is wrong, in bytes from its header on. */
  readonly offset: number | undefined;
  /** Which message of a batch it was, from 0. */
  readonly index: number;

  readonly #what: string;

  /** @param what The request in words, as it stands in traces. */
  constructor({ errno, text, offset }: Acknowledgement, what: string, index = 0) {
    super('netlink', errno, text === undefined ? what : `${what} (${text})`, text ?? 'RTNETLINK answers', 2);
    this.text = text;
    this.offset = offset;
    this.index = index;
    this.#what = what;
  }

  /** The same, of a batch that is a part of a longer one. @param before Requests before that part. */
  at(before: number): NetlinkError {
    const { errno, text, offset, index } = this;
    return new NetlinkError({ errno, text, offset }, this.#what, before + index);
  }
}

/** A list that the kernel has refused, or has not told to its end. */
export class DumpError extends NetlinkError {}
