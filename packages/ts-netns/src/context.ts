/** What a command is done with: the sockets, the names of links, the settings. */
import type { World } from '@ts/cli';
import {
  findIndex,
  getLink,
  getNextHop,
  inNamespace,
  type Link,
  NetlinkSocket,
  type NextHopObject,
  openNamespace,
} from '@ts/netlink';
import {
  encode,
  Failure,
  type LiveSys,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  parseDecimal,
  SysError,
  strerror,
} from '@ts/sys';
import { type Paint, painterOf } from './colors.ts';
import { mountedHint, sysAdminHint } from './hints.ts';
import { pathOf } from './namespaces.ts';
import type { Settings } from './settings.ts';
import { noDevice, type Words, WRONG, wrong } from './words.ts';

/** Bytes of an alternative name of a link, at most. */
const LONGEST = 127;

export class Context {
  #route: NetlinkSocket | undefined;
  #filter: NetlinkSocket | undefined;
  #paint: Paint | undefined;
  readonly #held: number[] = [];
  readonly #links = new Map<number, Link | undefined>();
  readonly #nextHops = new Map<number, NextHopObject | undefined>();

  /** @param namespace Descriptor of the namespace that everything is done in; undefined for the caller's own. */
  constructor(
    readonly sys: LiveSys,
    readonly world: World,
    readonly settings: Settings,
    readonly namespace?: number,
  ) {}

  /** The same in another namespace; to be closed. */
  inside(namespace: number | undefined): Context {
    return new Context(this.sys, this.world, this.settings, namespace);
  }

  with(settings: Partial<Settings>): Context {
    return new Context(this.sys, this.world, { ...this.settings, ...settings }, this.namespace);
  }

  #open(protocol: number): NetlinkSocket {
    return NetlinkSocket.open(this.sys, protocol, {
      namespace: this.namespace,
      warn: (text) => this.world.warn(`Warning: ${text}.`),
    });
  }

  /** Colours of what is printed; none in JSON. */
  get paint(): Paint {
    this.#paint ??= painterOf(this.settings.json ? 'never' : this.settings.color, (name) => this.world.variable(name));
    return this.#paint;
  }

  get route(): NetlinkSocket {
    this.#route ??= this.#open(NETLINK_ROUTE);
    return this.#route;
  }

  /** Opens a namespace that a request refers to, until that is done. */
  hold(path: string): number {
    const fd = openNamespace(this.sys, path);
    this.#held.push(fd);
    return fd;
  }

  letGo(): void {
    for (const fd of this.#held.splice(0)) this.sys.look('close', fd);
  }

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

  index(name: string): number {
    const index = this.findIndex(name);
    if (index === undefined) throw noDevice(name);
    return index;
  }

  /** Remembers links that were listed, so that their names need not be asked for. */
  know(links: readonly Link[]): void {
    for (const link of links) this.#links.set(link.index, link);
  }

  forget(): void {
    this.#links.clear();
    this.#nextHops.clear();
  }

  link(index: number): Link | undefined {
    return remembered(this.#links, index, 'ENODEV', () => getLink(this.route, index));
  }

  nextHop(id: number): NextHopObject | undefined {
    return remembered(this.#nextHops, id, 'ENOENT', () => getNextHop(this.route, id));
  }

  linkName(index: number): string {
    return this.link(index)?.name ?? `if${index}`;
  }

  print(text: string): void {
    this.world.print(text);
  }

  close(): void {
    this.#route?.close();
    this.#filter?.close();
    this.#route = undefined;
    this.#filter = undefined;
  }
}

/** What the kernel has said before, else what it says now; undefined where it says that there is none. */
function remembered<T>(known: Map<number, T | undefined>, key: number, none: string, ask: () => T): T | undefined {
  if (!known.has(key)) {
    try {
      known.set(key, ask());
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== none) throw error;
      known.set(key, undefined);
    }
  }
  return known.get(key);
}

/** Index of the VRF that the next word names. */
export function vrfFrom(context: Context, words: Words, why: string): number {
  const name = words.argument();
  const index = context.findIndex(name);
  if (index === undefined || context.link(index)?.info?.kind !== 'vrf') throw wrong(name, why);
  return index;
}

/** By errno: what was read of its cause. */
const REMEDIES: Readonly<Record<string, (path: string) => string | undefined>> = {
  ENOENT: () => 'there is no such namespace: ts-netns list shows those there are',
  EINVAL: mountedHint,
  EPERM: sysAdminHint,
  EACCES: sysAdminHint,
};

const unusable = (message: string, name: string, error: unknown) =>
  error instanceof SysError
    ? new Failure(`${message}: ${strerror(error.errno)}`, WRONG, REMEDIES[error.code]?.(pathOf(name)))
    : error;

/** Opens a namespace by name or path that is to be entered. As iproute2 says it where that cannot be. */
export function openNamed(sys: LiveSys, name: string): number {
  let fd: number;
  try {
    fd = openNamespace(sys, pathOf(name));
  } catch (error) {
    throw unusable(`Cannot open network namespace "${name}"`, name, error);
  }
  try {
    inNamespace(sys, fd, () => {});
    return fd;
  } catch (error) {
    sys.look('close', fd);
    throw unusable(`setting the network namespace "${name}" failed`, name, error);
  }
}
