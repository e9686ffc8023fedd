/** From the command line to what is to be done: pure, and all that can be checked is checked here. */
import { kernelCapabilities } from '@ts/capabilities';
import { type Identity, type Parsed, parseBigInteger, parseDescriptor, parseId, shellOr, type World } from '@ts/cli';
import {
  type Block,
  firstSubordinates,
  type IdRange,
  KINDS,
  type Kind,
  mapOf,
  parseIdMap,
  parseIdRange,
} from '@ts/namespaces';
import {
  CLONE_NEWUSER,
  Failure,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  SIGINT,
  SIGKILL,
  SIGTERM,
  signalNumber,
} from '@ts/sys';
import type { options } from './options.ts';

type Input = Parsed<typeof options>;

export interface IdMap {
  readonly ranges: readonly IdRange[];
  /** Who writes it: this process itself, or a helper left outside; with its rights or through newuidmap(1), newgidmap(1). */
  readonly by: 'self' | 'helper' | 'newidmap';
  /** The one id outside is that of whoever runs it later. */
  readonly isCallers?: boolean;
}

export interface Plan {
  readonly namespaces: number;
  readonly persist: readonly { readonly kind: Kind; readonly file: string }[];
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly uidMap?: IdMap;
  readonly gidMap?: IdMap;
  readonly setgroups?: 'allow' | 'deny';
  readonly fork: boolean;
  readonly killChild?: number;
  readonly forward: readonly number[];
  /** MS_* of the new root mount; 0 leaves it as it is. */
  readonly propagation: number;
  readonly offsets: readonly { readonly clock: 'monotonic' | 'boottime'; readonly seconds: bigint }[];
  readonly root?: string;
  /** The root is changed by pivot_root(2), not chroot(2). */
  readonly pivot: boolean;
  readonly directory?: string;
  readonly mountProc?: string;
  readonly mountBinfmt?: string;
  readonly loadInterpreter?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** How many capabilities the kernel has, where all are to be kept. */
  readonly keepCaps?: number;
  /** Nothing in it depends on who the caller is. */
  readonly isForCaller: boolean;
  /** Who the process is at the end, where that is certain: root of a user namespace. */
  readonly identity?: Identity;
  readonly statusFd?: number;
  readonly environment?: readonly string[];
  readonly program: readonly string[];
  readonly argv0?: string;
}

/** Where binfmt_misc is mounted if nothing else is said. */
export const BINFMT = '/proc/sys/fs/binfmt_misc';

const PROPAGATION: Readonly<Record<string, number>> = {
  slave: MS_REC | MS_SLAVE,
  private: MS_REC | MS_PRIVATE,
  shared: MS_REC | MS_SHARED,
  unchanged: 0,
};

/** An option of several forms and what it asks of a map. */
type MapRequest = { single?: number; ranges: (IdRange | Block)[] };

/** Seconds of the kernel: signed, 64 bits. */
const SECONDS_MAX = (1n << 63n) - 1n;
const parseSeconds = (text: string, clock: string): bigint =>
  parseBigInteger(text, `failed to parse ${clock} offset`, -SECONDS_MAX - 1n, SECONDS_MAX);

/** As root of a new user namespace a process has all capabilities, and an execve leaves them to it. */
function identityOf(
  { users, groups }: ReturnType<typeof mapsOf>,
  isUnchanged: boolean,
  world: World,
): Identity | undefined {
  if (users.single !== 0 || groups.single === undefined || !isUnchanged) return undefined;
  const all = (1n << BigInt(kernelCapabilities(world))) - 1n;
  return {
    uid: 0,
    euid: 0,
    gid: groups.single,
    egid: groups.single,
    credentials: {
      uids: { real: 0, effective: 0, saved: 0 },
      sets: { effective: all, permitted: all, inheritable: 0n },
      securebits: 0,
    },
  };
}

function readOf(file: string, world: World): string {
  const text = world.read(file);
  if (text !== undefined) return text;
  throw new Failure(
    `could not open '${file}': ${world.exists(file) ? 'Permission denied' : 'No such file or directory'}`,
  );
}

/** `--map-users` and its kin. */
function rangesOf(text: string, what: 'user' | 'group', world: World): MapRequest['ranges'] {
  const [file, map] = what === 'user' ? ['/etc/subuid', '/proc/self/uid_map'] : ['/etc/subgid', '/proc/self/gid_map'];
  if (text === 'all') return parseIdMap(readOf(map, world)).map(({ inner, count }) => ({ inner, outer: inner, count }));
  if (text !== 'auto' && text !== 'subids') {
    const range = parseIdRange(text);
    if (!range)
      throw new Failure(
        `invalid mapping '${text}'`,
        undefined,
        'a mapping is <inner>:<outer>:<count>, auto, subids or all',
      );
    return [range];
  }
  const user = world.user(world.euid)?.name;
  const block = firstSubordinates(readOf(file, world), user, world.euid);
  if (block === undefined)
    throw new Failure(
      `no line matching user "${user ?? world.euid}" in ${file}`,
      undefined,
      `give the user a block of ids: usermod --add-sub${what === 'user' ? 'uid' : 'gid'}s 100000-165535 ${user ?? world.euid}`,
    );
  if (typeof block === 'string')
    throw new Failure(
      `failed to parse subid map: '${block}'`,
      undefined,
      `a line of ${file} is <user>:<first id>:<count>`,
    );
  const { start, count } = block;
  return [text === 'auto' ? { outer: start, count } : { inner: start, outer: start, count }];
}

function mapsOf({ steps }: Input, world: World): { users: MapRequest; groups: MapRequest } {
  const users: MapRequest = { ranges: [] };
  const groups: MapRequest = { ranges: [] };
  for (const { option, value = '' } of steps) {
    switch (option.long) {
      case 'map-user':
        users.single = parseId(value, 'uid', (name) => world.user(name)?.uid);
        break;
      case 'map-group':
        groups.single = parseId(value, 'gid', (name) => world.group(name)?.gid);
        break;
      case 'map-root-user':
        [users.single, groups.single] = [0, 0];
        break;
      case 'map-current-user':
        [users.single, groups.single] = [world.euid, world.egid];
        break;
      case 'map-users':
        users.ranges.push(...rangesOf(value, 'user', world));
        break;
      case 'map-groups':
        groups.ranges.push(...rangesOf(value, 'group', world));
        break;
      case 'map-auto':
      case 'map-subids': {
        const kind = option.long === 'map-auto' ? 'auto' : 'subids';
        users.ranges.push(...rangesOf(kind, 'user', world));
        groups.ranges.push(...rangesOf(kind, 'group', world));
      }
    }
  }
  return { users, groups };
}

function idMap({ single, ranges }: MapRequest, outer: number, world: World, owned: boolean): IdMap | undefined {
  if (single === undefined && !ranges.length) return undefined;
  // Several ids can be mapped only with rights in the parent namespace; a set-user-id helper has them for everybody.
  const by = ranges.length || owned ? (world.euid === 0 ? 'helper' : 'newidmap') : 'self';
  const all = mapOf(ranges, single === undefined ? undefined : { inner: single, outer });
  return { ranges: all, by, isCallers: by === 'self' && Boolean(world.userIsLater) };
}

function persisting({ values }: Input): Plan['persist'] {
  return KINDS.flatMap((kind) => {
    const file = values[kind.name];
    return file === undefined || file === true ? [] : [{ kind, file }];
  });
}

function ownerOf(text: string | undefined, world: World) {
  if (text === undefined) return undefined;
  const [user, group, ...more] = text.split(':');
  if (!user || !group || more.length) throw new Failure('failed to parse owner', undefined, 'an owner is <uid>:<gid>');
  return {
    uid: parseId(user, 'uid', (name) => world.user(name)?.uid),
    gid: parseId(group, 'gid', (name) => world.group(name)?.gid),
  };
}

function environmentOf({ values }: Input, world: World): readonly string[] | undefined {
  if (!values['clear-env'] && values['whitelist-env'] === undefined) return undefined;
  const kept = (values['whitelist-env'] ?? '').split(',');
  return world.environment.filter((entry) => kept.includes(entry.split('=')[0] as string));
}

function killSignal(name: string | true | undefined): number | undefined {
  if (name === undefined || name === true) return name && SIGKILL;
  const signal = signalNumber(name);
  if (signal === undefined) throw new Failure(`unknown signal: ${name}`);
  return signal;
}

export function plan(input: Input, world: World): Plan {
  const { values, operands } = input;
  const { users, groups } = mapsOf(input, world);
  const owner = ownerOf(values.owner, world);
  const interpreter = values['load-interp'];
  const mountBinfmt = values['mount-binfmt'] ?? (interpreter === undefined ? undefined : true);
  // Below a /proc of the new PID namespace, which only its owner can mount.
  const mountProc = values['mount-proc'] ?? (mountBinfmt === true && values.pid !== undefined ? true : undefined);
  const killChild = killSignal(values['kill-child']);

  const implied: Partial<Record<Kind['name'], boolean>> = {
    user:
      [users, groups].some(({ single, ranges }) => single !== undefined || ranges.length > 0) ||
      owner !== undefined ||
      mountBinfmt !== undefined,
    mount: mountProc !== undefined || mountBinfmt !== undefined || Boolean(values.pivot),
  };
  const namespaces = KINDS.filter(({ name }) => values[name] !== undefined || implied[name]).reduce(
    (flags, { flag }) => flags | flag,
    0,
  );

  const setgroups = values.setgroups;
  if (setgroups !== undefined && setgroups !== 'allow' && setgroups !== 'deny')
    throw new Failure(`unsupported --setgroups argument '${setgroups}'`);
  if (groups.single !== undefined && !groups.ranges.length && setgroups === 'allow')
    throw new Failure('options --setgroups=allow and --map-group are mutually exclusive');
  const propagation = PROPAGATION[values.propagation ?? 'private'];
  if (propagation === undefined) throw new Failure(`unsupported propagation mode: ${values.propagation}`);

  if (values.pivot && values.root === undefined) throw new Failure('option --pivot requires a new root (--root)');
  // What is bound for it would reach other namespaces, and the kernel swaps no shared mounts.
  if (values.pivot && (propagation === 0 || propagation & MS_SHARED))
    throw new Failure(`options --pivot and --propagation=${values.propagation} are mutually exclusive`);

  const offsets = (['monotonic', 'boottime'] as const).flatMap((clock) => {
    const text = values[clock];
    return text === undefined ? [] : [{ clock, seconds: parseSeconds(text, clock) }];
  });
  if (offsets.length && values.time === undefined)
    throw new Failure('options --monotonic and --boottime require unsharing of a time namespace (-T)');
  const statusFd =
    values['status-fd'] === undefined
      ? undefined
      : parseDescriptor(values['status-fd'], 'failed to parse status descriptor');

  const environment = environmentOf(input, world);
  const forward = values['forward-signals'] ? [SIGTERM, SIGINT] : [];
  const uidMap = idMap(users, world.euid, world, owner !== undefined);
  const gidMap = idMap(groups, world.egid, world, owner !== undefined);
  const root = values.root;
  const isForCaller =
    [uidMap, gidMap].every((map) => map?.isCallers ?? true) &&
    [owner, values.setuid, values.setgid, values['map-current-user']].every((value) => value === undefined);
  return {
    namespaces: namespaces >>> 0,
    persist: persisting(input),
    owner,
    uidMap,
    gidMap,
    setgroups,
    fork: Boolean(values.fork) || killChild !== undefined || forward.length > 0,
    killChild,
    forward,
    propagation,
    offsets,
    root,
    isForCaller,
    pivot: Boolean(values.pivot),
    directory: values.wd ?? (root === undefined ? undefined : '/'),
    mountProc: mountProc === true ? '/proc' : mountProc,
    mountBinfmt: mountBinfmt === true ? BINFMT : mountBinfmt,
    loadInterpreter: interpreter,
    uid: values.setuid === undefined ? undefined : parseId(values.setuid, 'uid', () => undefined),
    gid: values.setgid === undefined ? undefined : parseId(values.setgid, 'gid', () => undefined),
    identity: identityOf(
      { users, groups },
      values.setuid === undefined && values.setgid === undefined && owner === undefined,
      world,
    ),
    keepCaps: values['keep-caps'] && namespaces & CLONE_NEWUSER ? kernelCapabilities(world) : undefined,
    statusFd,
    environment,
    ...shellOr(operands, environment ?? world.environment),
  };
}
