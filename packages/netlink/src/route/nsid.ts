/** Ids that a network namespace has given to others: `ip netns set`, `list-id`. RTM_*NSID. */
import {
  NETNSA_CURRENT_NSID,
  NETNSA_FD,
  NETNSA_NSID,
  NETNSA_PID,
  NETNSA_TARGET_NSID,
  RTM_GETNSID,
  RTM_NEWNSID,
} from '@ts/sys';
import { s32, u32, type ValuesOf } from '../attribute.ts';
import { format, type Message } from '../message.ts';
import type { NetlinkSocket, Request } from '../socket.ts';

/** struct rtgenmsg. */
const HEADER = { family: 'u8' } as const;

const SCHEMA = {
  /** -1: none, or "choose one". */
  nsid: [NETNSA_NSID, s32],
  pid: [NETNSA_PID, u32],
  fd: [NETNSA_FD, u32],
  /** Asked in the namespace that has this id here. */
  target: [NETNSA_TARGET_NSID, s32],
  /** The id here of what `target` calls `nsid`. */
  current: [NETNSA_CURRENT_NSID, s32],
} as const;

const FORMAT = format(HEADER, SCHEMA);
/** A namespace by process or descriptor, and the id that it has. */
export type NamespaceId = ValuesOf<typeof SCHEMA>;

/** What a namespace is called here; by descriptor, process or id. `nsid` is -1 where it has no id. */
export const getNamespaceId = (socket: NetlinkSocket, which: NamespaceId): NamespaceId =>
  decodeNamespaceId(socket.get({ type: RTM_GETNSID, body: FORMAT.encode({}, which) }, 'get id of namespace'));

/** Equivalent to `ip netns list-id`. */
export const listNamespaceIds = (socket: NetlinkSocket, which: NamespaceId = {}): NamespaceId[] =>
  socket.dump({ type: RTM_GETNSID, body: FORMAT.encode({}, which) }, 'list ids of namespaces').map(decodeNamespaceId);

/** Equivalent to `ip netns set`. EEXIST where the namespace has an id, ENOSPC where the id is taken. */
export const setNamespaceId = (which: NamespaceId): Request => ({
  type: RTM_NEWNSID,
  body: FORMAT.encode({}, which),
});

/** An answer or a notification (RTNLGRP_NSID). */
export const decodeNamespaceId = ({ body }: Message): NamespaceId => FORMAT.decode(body);
