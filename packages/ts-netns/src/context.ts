/** What a command is done with: the sockets, the names of links, the settings. */
import type { World } from '@ts/cli';
import { getLink, getNextHop, type Link, type NextHopObject, openNamespace } from '@ts/netlink';
import { Network } from '@ts/network';
import { type LiveSys, SysError } from '@ts/sys';
import { type Paint, painterOf } from './colors.ts';
import type { Settings } from './settings.ts';
import { type Words, wrong } from './words.ts';

export class Context extends Network {
  #paint: Paint | undefined;
  readonly #held: number[] = [];
  readonly #links = new Map<number, Link | undefined>();
  readonly #nextHops = new Map<number, NextHopObject | undefined>();

  /** @param namespace Descriptor of the namespace that everything is done in; undefined for the caller's own. */
  constructor(
    sys: LiveSys,
    readonly world: World,
    readonly settings: Settings,
    namespace?: number,
  ) {
    super(sys, world, namespace, (text) => world.warn(`Warning: ${text}.`));
  }

  with(settings: Partial<Settings>): Context {
    return new Context(this.sys, this.world, { ...this.settings, ...settings }, this.namespace);
  }

  /** Colours of what is printed; none in JSON. */
  get paint(): Paint {
    this.#paint ??= painterOf(this.settings.json ? 'never' : this.settings.color, (name) => this.world.variable(name));
    return this.#paint;
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
