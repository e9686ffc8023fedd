/** Tables and chains of nf_tables. */
import {
  NFT_MSG_DELTABLE,
  NFT_MSG_GETTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWTABLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_NAME,
  NFTA_TABLE_USERDATA,
  SysError,
} from '@ts/sys';
import { be32, type Codec, nested, string, type ValuesOf } from '../attribute.ts';
import type { NetlinkSocket, Request } from '../socket.ts';
import { comment } from './comment.ts';
import { CREATE, nftDecode, nftRequest } from './message.ts';

const TABLE = {
  name: [NFTA_TABLE_NAME, string],
  /** NFT_TABLE_F_*: with NFT_TABLE_F_OWNER the table goes when the socket that made it is closed. */
  flags: [NFTA_TABLE_FLAGS, be32],
  comment: [NFTA_TABLE_USERDATA, comment],
} as const;
/** A table of nf_tables. */
export type Table = ValuesOf<typeof TABLE>;

/** Equivalent to `nft add table`. */
export const addTable = (family: number, table: Table): Request =>
  nftRequest(NFT_MSG_NEWTABLE, CREATE, family, TABLE, table);

/** Equivalent to `nft delete table`: with all that is in it. */
export const deleteTable = (family: number, name: string): Request =>
  nftRequest(NFT_MSG_DELTABLE, 0, family, TABLE, { name });

/** A table, undefined where there is none of that name. */
export function findTable(socket: NetlinkSocket, family: number, name: string): Table | undefined {
  try {
    return nftDecode(TABLE, socket.get(nftRequest(NFT_MSG_GETTABLE, 0, family, TABLE, { name }), 'get table').body);
  } catch (error) {
    if (error instanceof SysError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Equivalent to `nft list tables`. */
export const listTables = (socket: NetlinkSocket, family: number): Table[] =>
  socket
    .dump(nftRequest(NFT_MSG_GETTABLE, 0, family, TABLE, {}), 'list tables')
    .map(({ body }) => nftDecode(TABLE, body));

const signed: Codec<number> = {
  encode: (value) => be32.encode(value >>> 0, 0),
  decode: (value) => be32.decode(value) | 0,
};

const CHAIN = {
  table: [NFTA_CHAIN_TABLE, string],
  name: [NFTA_CHAIN_NAME, string],
  type: [NFTA_CHAIN_TYPE, string],
  /** `point`: NF_INET_*; lower priorities come first. */
  hook: [NFTA_CHAIN_HOOK, nested({ point: [NFTA_HOOK_HOOKNUM, be32], priority: [NFTA_HOOK_PRIORITY, signed] })],
  /** NF_ACCEPT or NF_DROP. */
  policy: [NFTA_CHAIN_POLICY, be32],
} as const;
/** A chain; one with `hook` is called by the kernel for packets there. */
export type Chain = ValuesOf<typeof CHAIN>;

/** Equivalent to `nft add chain TABLE NAME { type … hook … priority … }`. */
export const addChain = (family: number, chain: Chain): Request =>
  nftRequest(NFT_MSG_NEWCHAIN, CREATE, family, CHAIN, chain);
