/** Messages of nf_tables: nfnetlink's header, and its batches. */
import { NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, NLM_F_APPEND, NLM_F_CREATE } from '@ts/sys';
import { decodeAttributes, encodeAttributes, type Schema, type ValuesOf } from '../attribute.ts';
import { HEADER_SIZE } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';

const NFGENMSG = 4;

/** struct nfgenmsg: family, version 0, resource in network byte order. */
function header(family: number, resource = 0): Buffer {
  const bytes = Buffer.alloc(NFGENMSG);
  bytes.writeUInt8(family, 0);
  bytes.writeUInt16BE(resource, 2);
  return bytes;
}

/** A message of nf_tables. `type`: NFT_MSG_*, `family`: NFPROTO_*. */
export const nftRequest = <S extends Schema>(
  type: number,
  flags: number,
  family: number,
  schema: S,
  values: ValuesOf<S>,
): Request => ({
  type: (NFNL_SUBSYS_NFTABLES << 8) | type,
  flags,
  body: Buffer.concat([header(family), encodeAttributes(schema, values, HEADER_SIZE + NFGENMSG)]),
});

/** Attributes of an answer, behind struct nfgenmsg. */
export const nftDecode = <S extends Schema>(schema: S, body: Buffer): ValuesOf<S> =>
  decodeAttributes(schema, body.subarray(NFGENMSG));

const frame = (type: number): Request => ({ type, body: header(0, NFNL_SUBSYS_NFTABLES), acknowledged: false });

/** All of the changes, or none of them. @throws NetlinkError The first refusal; `index` counts from 1. */
export function transaction(socket: NetlinkSocket, requests: readonly Request[]): void {
  const last = requests.at(-1);
  if (!last) return;
  // One acknowledgement says that all are done: many would not fit into the socket's buffer.
  const others = requests.slice(0, -1).map((request) => ({ ...request, acknowledged: false as const }));
  const [begin, end] = [frame(NFNL_MSG_BATCH_BEGIN), frame(NFNL_MSG_BATCH_END)];
  socket.requestTogether([begin, ...others, last, end], 'nftables transaction');
}

/** Makes what is not there; an object that is there already stays. */
export const CREATE = NLM_F_CREATE;
/** Behind the others. */
export const APPEND = NLM_F_CREATE | NLM_F_APPEND;
