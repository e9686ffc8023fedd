/** Rules of nf_tables. */
import {
  NFT_MSG_DELRULE,
  NFT_MSG_GETRULE,
  NFT_MSG_NEWRULE,
  NFTA_LIST_ELEM,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
} from '@ts/sys';
import { be64, list, string, type ValuesOf } from '../attribute.ts';
import type { NetlinkSocket, Request } from '../socket.ts';
import { comment } from './comment.ts';
import { type Expression, expression } from './expression.ts';
import { APPEND, nftDecode, nftRequest } from './message.ts';

const RULE = {
  table: [NFTA_RULE_TABLE, string],
  chain: [NFTA_RULE_CHAIN, string],
  handle: [NFTA_RULE_HANDLE, be64],
  expressions: [NFTA_RULE_EXPRESSIONS, list(NFTA_LIST_ELEM, expression)],
  comment: [NFTA_RULE_USERDATA, comment],
} as const;
/** A rule: where it is, its handle (given by the kernel), what it does, its comment. */
export type Rule = ValuesOf<typeof RULE>;

/** Equivalent to `nft add rule`: behind the chain's other rules. */
export const addRule = (
  family: number,
  rule: { table: string; chain: string; expressions: readonly Expression[]; comment?: string },
): Request => nftRequest(NFT_MSG_NEWRULE, APPEND, family, RULE, rule);

/** Equivalent to `nft delete rule TABLE CHAIN handle HANDLE`. */
export const deleteRule = (family: number, { table, chain, handle }: Rule): Request =>
  nftRequest(NFT_MSG_DELRULE, 0, family, RULE, { table, chain, handle });

/** Equivalent to `nft list table`: its rules in order, chain by chain. */
export const listRules = (socket: NetlinkSocket, family: number, table: string): Rule[] =>
  socket
    .dump(nftRequest(NFT_MSG_GETRULE, 0, family, RULE, { table }), 'list rules')
    .map(({ body }) => nftDecode(RULE, body))
    .filter((rule) => rule.table === table);
