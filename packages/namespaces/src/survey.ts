/** Which namespaces there are, and what keeps each alive. Reads through a narrow reader only. namespaces(7), ioctl_ns(2). */
import { KINDS, type Kind } from './kinds.ts';
import type { NamespaceMount } from './nsfs.ts';

/** A namespace that has been opened. */
export interface Opened {
  readonly kind: Kind;
  readonly id: number;
  /** The parent of a PID or user namespace, the user namespace that owns one; undefined where the caller may not know. */
  parent(): Opened | undefined;
  owner(): Opened | undefined;
  /** The user that made a user namespace. */
  ownerUid(): number | undefined;
  /** The id by which the caller's network namespace knows it: a number, -1 for none. */
  netnsid(): number | undefined;
  /** The number that no other namespace of any kind has or will have; undefined where the kernel gives none. */
  nsid(): number | undefined;
  /** A descriptor that stays open when this is closed. */
  keep(): number;
  close(): void;
}

/** The little that is asked of /proc and the kernel. */
export interface NamespaceReader {
  /** Names in a directory; none where it cannot be read. */
  names(path: string): readonly string[];
  /** What a link holds; undefined where it cannot be read. */
  link(path: string): string | undefined;
  /** The same of a descriptor of a process, /proc/PID/fd/N; one that was opened by way of a mount is named as a namespace, too. */
  descriptor(path: string): string | undefined;
  open(path: string): Opened | undefined;
  /** The network namespace of a socket that a process has open; undefined where the caller may not know. */
  ofSocket(pid: number, fd: number): Opened | undefined;
  /** Its inode number alone, which is cheaper where it was asked for before. */
  idOfSocket(pid: number, fd: number): number | undefined;
}

export interface Descriptor {
  readonly pid: number;
  readonly fd: number;
}

export interface Namespace {
  readonly kind: Kind;
  readonly id: number;
  /** Processes in it, lowest PID first. */
  readonly pids: number[];
  /** Descriptors that are open on it. */
  readonly descriptors: Descriptor[];
  /** Sockets in it that processes of other network namespaces have open. */
  readonly sockets: Descriptor[];
  readonly mounts: string[];
  /** Namespaces below it (PID, user) and, of a user namespace, those that it owns. */
  readonly children: number[];
  /** Ids of parent and owner; 0 where there is none or it may not be known. */
  parent: number;
  owner: number;
  ownerUid: number;
  netnsid?: number;
  nsid?: number;
}

export interface SurveyOptions {
  /** Kinds that are looked for, by the name of their file; all where left out. */
  readonly kinds?: ReadonlySet<string>;
  readonly mounts: readonly NamespaceMount[];
  readonly netnsid?: boolean;
  readonly nsid?: boolean;
  /** Is shown each namespace while it is open. */
  readonly visit?: (namespace: Namespace, opened: Opened) => void;
}

export interface Survey {
  /** By id, in ascending order. */
  readonly namespaces: ReadonlyMap<number, Namespace>;
  /** All processes, whether or not their namespaces could be read. */
  readonly pids: ReadonlySet<number>;
}

const NET = KINDS.find(({ file }) => file === 'net') as Kind;
const byFile = new Map(KINDS.map((kind) => [kind.file, kind]));
/** The user namespace first: where that may not be read none of the others may, and even a zombie has one. */
const USER_FIRST = [...KINDS].sort((a, b) => Number(b.file === 'user') - Number(a.file === 'user'));

/** "net:[4026531833]" */
export const formatNamespaceLink = ({ kind, id }: { readonly kind: Kind; readonly id: number }): string =>
  `${kind.file}:[${id}]`;

/** Reads "net:[4026531833]", what links of /proc/PID/ns and roots of nsfs mounts say. */
export function parseNamespaceLink(text: string): { kind: Kind; id: number } | undefined {
  const colon = text.indexOf(':[');
  const kind = colon > 0 ? byFile.get(text.slice(0, colon)) : undefined;
  const id = kind && text.endsWith(']') ? Number(text.slice(colon + 2, -1)) : Number.NaN;
  return kind && Number.isInteger(id) ? { kind, id } : undefined;
}

/** Finds the namespaces of processes, open descriptors, mounts, and those that live by a child alone. */
export function surveyNamespaces(reader: NamespaceReader, options: SurveyOptions): Survey {
  const wanted = (kind: Kind) => options.kinds?.has(kind.file) ?? true;
  const links = USER_FIRST.filter((kind) => wanted(kind));
  const found = new Map<number, Namespace>();
  const byLink = new Map<string, Namespace | undefined>();
  /** How a namespace can be opened; a mount point may be covered by another, so there can be several ways. */
  const ways = new Map<Namespace, (() => Opened | undefined)[]>();

  const add = (kind: Kind, id: number): Namespace => {
    const namespace: Namespace = {
      kind,
      id,
      pids: [],
      descriptors: [],
      sockets: [],
      mounts: [],
      children: [],
      parent: 0,
      owner: 0,
      ownerUid: 0,
    };
    found.set(id, namespace);
    return namespace;
  };
  /** The namespace a link names; `path` is where it can be opened, should it be new. */
  const at = (text: string, path: string): Namespace | undefined => {
    if (byLink.has(text)) return byLink.get(text);
    const read = parseNamespaceLink(text);
    const namespace = read && wanted(read.kind) ? (found.get(read.id) ?? add(read.kind, read.id)) : undefined;
    if (namespace) ways.set(namespace, [() => reader.open(path)]);
    if (read) byLink.set(text, namespace);
    return namespace;
  };
  /** The network namespace of a socket, by the text of its link. */
  const bySocket = new Map<string, Namespace | undefined>();
  const ofSocket = (text: string, pid: number, fd: number): Namespace | undefined => {
    if (bySocket.has(text)) return bySocket.get(text);
    const id = reader.idOfSocket(pid, fd);
    const namespace = id === undefined ? undefined : (found.get(id) ?? add(NET, id));
    if (namespace && !ways.has(namespace)) ways.set(namespace, [() => reader.ofSocket(pid, fd)]);
    bySocket.set(text, namespace);
    return namespace;
  };
  const wantsNet = links.some(({ file }) => file === 'net');

  const pids = reader
    .names('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  for (const pid of pids) {
    let isReadable = false;
    let net: Namespace | undefined;
    for (const { file } of links) {
      const path = `/proc/${pid}/ns/${file}`;
      const text = reader.link(path);
      if (text === undefined && file === 'user') break;
      if (text === undefined) continue;
      isReadable = true;
      const namespace = at(text, path);
      namespace?.pids.push(pid);
      if (file === 'net') net = namespace;
    }
    if (!isReadable) continue;
    for (const name of reader.names(`/proc/${pid}/fd`)) {
      const path = `/proc/${pid}/fd/${name}`;
      const text = reader.descriptor(path);
      if (!text?.endsWith(']')) continue;
      const descriptor = { pid, fd: Number(name) };
      if (!text.startsWith('socket:')) at(text, path)?.descriptors.push(descriptor);
      else if (wantsNet) {
        const other = ofSocket(text, pid, descriptor.fd);
        if (other && other !== net) other.sockets.push(descriptor);
      }
    }
  }
  for (const { root, target, path } of options.mounts) {
    const namespace = at(root, path);
    if (namespace && !namespace.mounts.includes(target)) {
      namespace.mounts.push(target);
      ways.get(namespace)?.push(() => reader.open(path));
    }
  }

  /** What is above a namespace; one that nobody has named yet is followed further up. */
  const relate = (namespace: Namespace, opened: Opened): void => {
    const { kind } = namespace;
    const above = {
      parent: kind.file === 'pid' || kind.file === 'user' ? opened.parent() : undefined,
      owner: opened.owner(),
    };
    namespace.parent = above.parent?.id ?? 0;
    namespace.owner = above.owner?.id ?? 0;
    if (!namespace.pids.length) namespace.ownerUid = opened.ownerUid() ?? 0;
    if (options.netnsid && kind.file === 'net') namespace.netnsid = opened.netnsid();
    if (options.nsid) namespace.nsid = opened.nsid();
    options.visit?.(namespace, opened);
    for (const other of [above.parent, above.owner]) {
      if (!other) continue;
      const known = found.get(other.id);
      const over = known ?? (wanted(other.kind) ? add(other.kind, other.id) : undefined);
      if (over && !over.children.includes(namespace.id)) over.children.push(namespace.id);
      if (over && !known) relate(over, other);
      other.close();
    }
  };
  for (const [namespace, attempts] of ways) {
    for (const open of attempts) {
      const opened = open();
      // A descriptor may have become another since its link was read.
      const isIt = opened?.id === namespace.id;
      if (opened && isIt) relate(namespace, opened);
      opened?.close();
      if (isIt) break;
    }
  }
  return { namespaces: new Map([...found].sort(([a], [b]) => a - b)), pids: new Set(pids) };
}

/** Who keeps a namespace alive, the first of each sort and how many more: "process:1+80,mount:/run/netns/a". */
export function formatHolders({ pids, descriptors, sockets, mounts, children }: Namespace): string {
  const numbers = (list: readonly Descriptor[]) =>
    [...list].sort((a, b) => a.pid - b.pid || a.fd - b.fd).map(({ pid, fd }) => `${pid}/${fd}`);
  const sorts: [string, readonly (string | number)[]][] = [
    ['process', pids],
    ['fd', numbers(descriptors)],
    ['socket', numbers(sockets)],
    ['mount', mounts],
    ['child', children],
  ];
  return sorts
    .filter(([, holders]) => holders.length)
    .map(([sort, holders]) => `${sort}:${holders[0]}${holders.length > 1 ? `+${holders.length - 1}` : ''}`)
    .join(',');
}
