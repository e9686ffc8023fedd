/** `ip tuntap add|del|show`: links whose other side is a descriptor of a program. The kernel makes them by ioctl(2) only. */
import { kindData, listLinks, TUN } from '@ts/netlink';
import { isLinkName } from '@ts/network';
import * as sys from '@ts/sys';
import { Failure, parseAccountId, SysError } from '@ts/sys';
import type { Context } from '../context.ts';
import { Entry, render } from '../entry.ts';
import { unlessHelp } from '../usage.ts';
import { FAILED, garbage, type Rows, takeAll, type Words, WRONG, wrong } from '../words.ts';

export interface TunRequest {
  name: string;
  mode?: 'tun' | 'tap';
  user?: number;
  group?: number;
  packetInfo?: boolean;
  oneQueue?: boolean;
  virtioHeader?: boolean;
  multiQueue?: boolean;
}

const DEVICE = '/dev/net/tun';

function accountOf(context: Context, text: string, what: 'user' | 'group'): number {
  const id = parseAccountId(text);
  if (id !== undefined) return id;
  const found = what === 'user' ? context.world.user(text)?.uid : context.world.group(text)?.gid;
  if (found === undefined) throw new Failure(`invalid ${what} "${text}"`, WRONG);
  return found;
}

/** Words of `ip link add NAME type tun`, ours. */
export const TUN_WORDS: Rows<TunRequest> = [
  [
    'pi',
    (request) => {
      request.packetInfo = true;
    },
  ],
  [
    'one_queue',
    (request) => {
      request.oneQueue = true;
    },
  ],
  [
    'vnet_hdr',
    (request) => {
      request.virtioHeader = true;
    },
  ],
  [
    'multi_queue',
    (request) => {
      request.multiQueue = true;
    },
  ],
];

/** struct ifreq: name, flags. */
function interfaceRequest(
  { name, mode, packetInfo, oneQueue, virtioHeader, multiQueue }: TunRequest,
  extra: number,
): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.write(name, 0, 15, 'utf8');
  bytes.writeUInt16LE(
    (mode === 'tap' ? sys.IFF_TAP : sys.IFF_TUN) |
      (packetInfo ? 0 : sys.IFF_NO_PI) |
      (oneQueue ? sys.IFF_ONE_QUEUE : 0) |
      (virtioHeader ? sys.IFF_VNET_HDR : 0) |
      (multiQueue ? sys.IFF_MULTI_QUEUE : 0) |
      extra,
    16,
  );
  return bytes;
}

function withDevice(context: Context, request: TunRequest, extra: number, act: (fd: number) => void): void {
  context.there(() => {
    let fd: number;
    try {
      fd = sys.openFile(DEVICE, sys.O_RDWR);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const { errno, code } = error;
      const remedy = code === 'EACCES' || code === 'EPERM' ? `who may write ${DEVICE} may do this: root` : undefined;
      throw new Failure(`open: ${sys.strerror(errno)}`, FAILED, remedy);
    }
    try {
      context.sys.or('ioctl(TUNSETIFF)').ioctl(fd, sys.TUNSETIFF, interfaceRequest(request, extra));
      act(fd);
    } finally {
      sys.closeFile(fd);
    }
  });
}

export const makeTun = (context: Context, request: TunRequest): void =>
  withDevice(context, request, sys.IFF_TUN_EXCL, (fd) => {
    if (request.user !== undefined) context.sys.or('ioctl(TUNSETOWNER)').ioctl(fd, sys.TUNSETOWNER, request.user);
    if (request.group !== undefined) context.sys.or('ioctl(TUNSETGROUP)').ioctl(fd, sys.TUNSETGROUP, request.group);
    context.sys.or('ioctl(TUNSETPERSIST)').ioctl(fd, sys.TUNSETPERSIST, 1);
  });

/** A name that such a link can be made with: no alternative one. */
function checkNew(name: string, key: 'name' | 'dev'): string {
  if (!isLinkName(name)) throw wrong(name, `"${key}" not a valid ifname`);
  return name;
}

const rows = (context: Context): Rows<TunRequest> => [
  [
    'mode~',
    (request, words) => {
      const mode = words.argument();
      if (mode !== 'tun' && mode !== 'tap') throw new Failure(`Unknown tunnel mode "${mode}"`, WRONG);
      request.mode = mode;
    },
  ],
  [
    'user~',
    (request, words) => {
      request.user = accountOf(context, words.argument(), 'user');
    },
  ],
  [
    'group~',
    (request, words) => {
      request.group = accountOf(context, words.argument(), 'group');
    },
  ],
  [
    'dev~ name',
    (request, words, word) => {
      request.name = checkNew(words.argument(), word === 'name' ? 'name' : 'dev');
    },
  ],
  ...TUN_WORDS,
];

function parse(context: Context, words: Words): TunRequest {
  const request: TunRequest = { name: '' };
  takeAll(rows(context), words, request, (word) => {
    unlessHelp(word, 'tuntap');
    if (request.name) throw garbage('name', word);
    request.name = checkNew(word, 'name');
  });
  return request;
}

function needsMode(request: TunRequest): void {
  if (request.mode === undefined) throw new Failure('You failed to specify a tunnel mode', FAILED);
}

export function add(context: Context, words: Words): void {
  const request = parse(context, words);
  needsMode(request);
  makeTun(context, request);
  context.forget();
}

export function remove(context: Context, words: Words): void {
  const request = parse(context, words);
  needsMode(request);
  if (!request.name) throw wrong('', 'name required');
  withDevice(context, request, 0, (fd) => context.sys.or('ioctl(TUNSETPERSIST)').ioctl(fd, sys.TUNSETPERSIST, 0));
  context.forget();
}

export function show(context: Context): void {
  const entries = listLinks(context.route, { kind: 'tun' })
    .filter(({ info }) => info?.kind === 'tun')
    .map(({ name = '', info }) => {
      const data = kindData(TUN, info?.data);
      const entry = new Entry('\n');
      entry.both('ifname', name, `${name}: `);
      const flags = [
        data.type === sys.IFF_TAP ? 'tap' : 'tun',
        ...(data.packetInfo ? ['pi'] : []),
        ...(data.virtioHeader ? ['vnet_hdr'] : []),
        ...(data.multiQueue ? ['multi_queue'] : []),
        ...(data.persist ? ['persist'] : []),
      ];
      entry.both('flags', flags, flags.join(' '));
      if (data.owner !== undefined) entry.both('user', data.owner, ` user ${data.owner}`);
      if (data.group !== undefined) entry.both('group', data.group, ` group ${data.group}`);
      entry.say('\n');
      return entry;
    });
  context.print(render(entries, context.settings));
}
