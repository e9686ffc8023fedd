/** The reader of a survey on the live kernel: /proc by node:fs, ioctl_ns(2) and rtnetlink(7) by system calls. */
import { fstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import {
  AF_NETLINK,
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  type LiveSys,
  NETLINK_ROUTE,
  NETNSA_FD,
  NETNSA_NSID,
  NLM_F_REQUEST,
  NS_GET_ID,
  NS_GET_MNTNS_ID,
  NS_GET_NSTYPE,
  NS_GET_OWNER_UID,
  NS_GET_PARENT,
  NS_GET_USERNS,
  O_CLOEXEC,
  O_RDONLY,
  RTM_GETNSID,
  RTM_NEWNSID,
  SIOCGSKNS,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from '@ts/sys';
import { KINDS } from './kinds.ts';
import { formatNamespaceLink, type NamespaceReader, type Opened } from './survey.ts';

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // gone, or not ours to read: the survey goes on without it
  }
};

const namesIn = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return []; // likewise
  }
};

const deviceOf = (path: string): number | undefined => {
  try {
    return statSync(path).dev;
  } catch {
    return undefined; // likewise
  }
};

const HEADER = 16;
const BODY = 4;

/** nlmsghdr, rtgenmsg, and one attribute that names the namespace by a descriptor. */
function netnsidRequest(fd: number): Buffer {
  const request = Buffer.alloc(HEADER + BODY + 8);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(RTM_GETNSID, 4);
  request.writeUInt16LE(NLM_F_REQUEST, 6);
  request.writeUInt16LE(8, HEADER + BODY);
  request.writeUInt16LE(NETNSA_FD, HEADER + BODY + 2);
  request.writeInt32LE(fd, HEADER + BODY + 4);
  return request;
}

/** Reads the id out of the answer. */
function parseNetnsid(answer: Buffer): number | undefined {
  if (answer.length < HEADER + BODY + 8 || answer.readUInt16LE(4) !== RTM_NEWNSID) return undefined;
  return answer.readUInt16LE(HEADER + BODY + 2) === NETNSA_NSID ? answer.readInt32LE(HEADER + BODY + 4) : undefined;
}

/** The id of a namespace: of every kind since Linux 6.18, of mount namespaces since 6.11. ioctl_nsfs(2). */
export function nsidOf(sys: LiveSys, fd: number): number | undefined {
  const id = Buffer.alloc(8);
  const looking = sys.ignoring();
  const answer = [NS_GET_ID, NS_GET_MNTNS_ID].find((request) => looking.look('ioctl', fd, request, id) >= 0);
  return answer === undefined ? undefined : Number(id.readBigUInt64LE());
}

/** A reader; what the caller may not look at is left out, as namespaces of other users are. */
export function liveReader(sys: LiveSys): NamespaceReader {
  const looking = sys.ignoring();
  let socket: number | undefined;

  const askNetnsid = (fd: number): number | undefined => {
    socket ??= looking.look('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    const request = netnsidRequest(fd);
    if (socket < 0 || looking.look('write', socket, request, request.length) < 0) return undefined;
    const answer = Buffer.alloc(256);
    const size = looking.look('read', socket, answer, answer.length);
    return size < 0 ? undefined : parseNetnsid(answer.subarray(0, size));
  };

  const opened = (fd: number): Opened | undefined => {
    if (fd < 0) return undefined;
    const close = () => {
      looking.look('close', fd);
    };
    // Not by the link of the descriptor: that is the mount point where it was opened by way of one.
    const flag = looking.look('ioctl', fd, NS_GET_NSTYPE);
    const kind = KINDS.find((one) => one.flag === flag);
    if (!kind) {
      close();
      return undefined;
    }
    return {
      kind,
      id: fstatSync(fd).ino,
      parent: () => opened(looking.look('ioctl', fd, NS_GET_PARENT)),
      owner: () => opened(looking.look('ioctl', fd, NS_GET_USERNS)),
      ownerUid: () => {
        const uid = Buffer.alloc(8);
        return looking.look('ioctl', fd, NS_GET_OWNER_UID, uid) < 0 ? undefined : uid.readUInt32LE();
      },
      netnsid: () => askNetnsid(fd),
      nsid: () => nsidOf(looking, fd),
      keep: () => looking.look('fcntl', fd, F_DUPFD_CLOEXEC, 0),
      close,
    };
  };

  /** The process whose sockets were asked for last. */
  let holder = { pid: 0, pidfd: -1 };
  /** Does something with a copy of a descriptor of another process. */
  const withCopy = <Result>(pid: number, fd: number, use: (copy: number) => Result): Result | undefined => {
    if (holder.pid !== pid) {
      if (holder.pidfd >= 0) looking.look('close', holder.pidfd);
      holder = { pid, pidfd: looking.look('pidfd_open', pid, 0) };
    }
    const copy = holder.pidfd < 0 ? -1 : looking.look('pidfd_getfd', holder.pidfd, fd, 0);
    if (copy < 0) return undefined;
    const result = use(copy);
    looking.look('close', copy);
    return result;
  };
  const netnsOf = (socket: number) => opened(looking.look('ioctl', socket, SIOCGSKNS, 0));
  /** Inode numbers by the cookie of the namespace. */
  const byCookie = new Map<bigint, number | undefined>();
  const idOfSocket = (pid: number, fd: number) =>
    withCopy(pid, fd, (socket) => {
      const cookie = looking.socket_netns_cookie(socket);
      if (cookie !== undefined && byCookie.has(cookie)) return byCookie.get(cookie);
      const namespace = netnsOf(socket);
      namespace?.close();
      if (cookie !== undefined) byCookie.set(cookie, namespace?.id);
      return namespace?.id;
    });

  const open = (path: string) => opened(looking.look('openat', AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0));
  const nsfs = statSync('/proc/self/ns/user', { throwIfNoEntry: false })?.dev;

  return {
    names: namesIn,
    link: linkOf,
    descriptor(path) {
      const text = linkOf(path);
      if (!text?.startsWith('/') || text.startsWith('/dev/') || deviceOf(path) !== nsfs) return text;
      const namespace = open(path);
      namespace?.close();
      return namespace && formatNamespaceLink(namespace);
    },
    open,
    ofSocket: (pid, fd) => withCopy(pid, fd, netnsOf),
    idOfSocket,
  };
}
