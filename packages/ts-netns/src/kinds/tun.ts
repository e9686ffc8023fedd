/** Links of /dev/net/tun: only shown here, since they are made by ioctl(2). */
import { TUN } from '@ts/netlink';
import { IFF_TAP } from '@ts/sys';
import { type Attribute, answer, number, type Shown } from '../rows.ts';
import { kind } from './kind.ts';

const onOff = (value: number): readonly [boolean, string] => [value !== 0, value ? 'on' : 'off'];
const { show: plainly } = number();
const hasQueues = (_: number, { values }: Shown) => Boolean(values.multiQueue);

export const TUN_ROWS = {
  type: answer(TUN.type, 'type', (value) => [value === IFF_TAP ? 'tap' : 'tun']),
  packetInfo: answer(TUN.packetInfo, 'pi', onOff),
  virtioHeader: answer(TUN.virtioHeader, 'vnet_hdr', onOff),
  multiQueue: {
    wire: TUN.multiQueue,
    words: [],
    show: (entry, value) => entry.both('multi_queue', value !== 0, value ? 'multi_queue ' : ''),
  } satisfies Attribute<number>,
  queues: answer(TUN.queues, 'numqueues', plainly, 'numqueues', hasQueues),
  disabledQueues: answer(TUN.disabledQueues, 'numdisabled', plainly, 'numdisabled', hasQueues),
  persist: answer(TUN.persist, 'persist', onOff),
  owner: answer(TUN.owner, 'user', (id, { context }) => [context.world.user(id)?.name ?? String(id)]),
  group: answer(TUN.group, 'group', (id, { context }) => [context.world.group(id)?.name ?? String(id)]),
};

export const tun = kind('tun', TUN_ROWS);
