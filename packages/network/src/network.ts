/** A network namespace to work in: its sockets, its links by name. */
import { findIndex, inNamespace, NetlinkSocket } from '@ts/netlink';
import { encode, Failure, type LiveSys, NETLINK_NETFILTER, NETLINK_ROUTE, parseDecimal } from '@ts/sys';

/** How files are looked at. */
export interface Files {
  /** Text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
}

/** Bytes of an alternative name of a link, at most. */
const LONGEST = 127;

export const noDevice = (name: string): Failure => new Failure(`Cannot find device "${name}"`, 1);

/** Whether a link can have that name: 1 to 15 bytes, no slash, no blank. */
export const isLinkName = (name: string): boolean =>
  Buffer.byteLength(name) > 0 && Buffer.byteLength(name) < 16 && !/[/\s]/.test(name);

/** Sockets are opened when they are needed first. To be closed. */
export class Network {
  #route: NetlinkSocket | undefined;
  #filter: NetlinkSocket | undefined;

  /**
   * @param namespace Descriptor of the namespace that everything is done in; undefined for the caller's own.
   * @param tell Is told what the kernel says in words without refusing.
   */
  constructor(
    readonly sys: LiveSys,
    readonly files: Files,
    readonly namespace?: number,
    readonly tell: (text: string) => void = () => {},
  ) {}

  /** Another namespace; to be closed. @param namespace Its descriptor, which stays the caller's. */
  inside(namespace: number): Network {
    return new Network(this.sys, this.files, namespace, this.tell);
  }

  #open(protocol: number): NetlinkSocket {
    return NetlinkSocket.open(this.sys, protocol, { namespace: this.namespace, warn: this.tell });
  }

  /** Links, addresses, routes. */
  get route(): NetlinkSocket {
    this.#route ??= this.#open(NETLINK_ROUTE);
    return this.#route;
  }

  /** The packet filter. */
  get filter(): NetlinkSocket {
    this.#filter ??= this.#open(NETLINK_NETFILTER);
    return this.#filter;
  }

  /** Does something with the process in that namespace: files of /proc/sys/net, ioctl(2). */
  there<T>(act: () => T): T {
    return inNamespace(this.sys, this.namespace, act);
  }

  /** Index of a link; by its name, or "if7". Undefined where there is none. */
  findIndex(name: string): number | undefined {
    const length = encode(name).length;
    const index = length > 0 && length <= LONGEST ? findIndex(this.route, name) : undefined;
    if (index !== undefined) return index;
    const number = /^if(\d+)$/.exec(name)?.[1];
    return number === undefined ? undefined : parseDecimal(number, 0x7fff_ffff);
  }

  /** The same. @throws Failure where there is none. */
  index(name: string): number {
    const index = this.findIndex(name);
    if (index === undefined) throw noDevice(name);
    return index;
  }

  close(): void {
    this.#route?.close();
    this.#filter?.close();
    this.#route = undefined;
    this.#filter = undefined;
  }
}
