/** What a group has used, out of the files of either version. Pure over a reader. */
import type { Reader } from './hierarchies.ts';
import type { Group } from './spec.ts';

/** Bytes and operations of block devices. */
export interface BlockCounts {
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
}

/** Since the group was made; null where no controller here counts it. */
export interface Statistics {
  /** CPU time in µs. */
  readonly cpuUsec: number | null;
  readonly userUsec: number | null;
  readonly systemUsec: number | null;
  /** Periods that ran into the limit, and the time that was lost by it in µs. */
  readonly throttledPeriods: number | null;
  readonly throttledUsec: number | null;
  /** Bytes, now and at most. */
  readonly memory: number | null;
  readonly peakMemory: number | null;
  /** Processes that the kernel has killed for want of memory, and times that the limit was met. */
  readonly oomKills: number | null;
  readonly memoryLimitHits: number | null;
  readonly io: BlockCounts | null;
  /** Tasks, now and at most. */
  readonly tasks: number | null;
  readonly peakTasks: number | null;
  /** Times in µs that some, and all, tasks were stalled. */
  readonly stalledUsec: Readonly<
    Record<'cpu' | 'memory' | 'io', { readonly some: number; readonly full: number } | null>
  >;
}

type Texts = (file: string) => string | undefined;

const keyed = (text: string | undefined, key: string) => {
  const value = new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1];
  return value === undefined ? null : Number(value);
};

const whole = (text: string | undefined) => (text !== undefined && /^\d+\n?$/.test(text) ? Number(text) : null);

const times = (value: number | null, factor: number) => (value === null ? null : Math.round(value * factor));

/** Sum of "key=value" over the lines of io.stat. */
const summed = (text: string, key: string) =>
  [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))].reduce((sum, [, value]) => sum + Number(value), 0);

/** Sum of "DEVICE VERB value" over the devices of a v1 file. */
const verbs = (text: string, verb: string) =>
  [...text.matchAll(new RegExp(`^\\d+:\\d+ ${verb} (\\d+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);

function ioOf(read: Texts): BlockCounts | null {
  const v2 = read('io.stat');
  if (v2 !== undefined)
    return {
      readBytes: summed(v2, 'rbytes'),
      writtenBytes: summed(v2, 'wbytes'),
      reads: summed(v2, 'rios'),
      writes: summed(v2, 'wios'),
    };
  const bytes = read('blkio.throttle.io_service_bytes_recursive') ?? read('blkio.throttle.io_service_bytes');
  const operations = read('blkio.throttle.io_serviced_recursive') ?? read('blkio.throttle.io_serviced');
  if (bytes === undefined || operations === undefined) return null;
  return {
    readBytes: verbs(bytes, 'Read'),
    writtenBytes: verbs(bytes, 'Write'),
    reads: verbs(operations, 'Read'),
    writes: verbs(operations, 'Write'),
  };
}

function stalls(text: string | undefined): { some: number; full: number } | null {
  const total = (line: string) => Number(new RegExp(`^${line} .*total=(\\d+)`, 'm').exec(text ?? '')?.[1] ?? 0);
  return text ? { some: total('some'), full: total('full') } : null;
}

/** Statistics of groups that are one in several hierarchies. */
export function readStatistics(groups: readonly Pick<Group, 'directory'>[], world: Reader): Statistics {
  const read: Texts = (file) => {
    for (const { directory } of groups) {
      const text = world.read(`${directory}/${file}`);
      if (text !== undefined) return text;
    }
    return undefined;
  };
  const cpu = read('cpu.stat');
  const pressure = (kind: string) => stalls(read(`${kind}.pressure`));
  return {
    cpuUsec: keyed(cpu, 'usage_usec') ?? times(whole(read('cpuacct.usage')), 1e-3),
    userUsec: keyed(cpu, 'user_usec') ?? times(whole(read('cpuacct.usage_user')), 1e-3),
    systemUsec: keyed(cpu, 'system_usec') ?? times(whole(read('cpuacct.usage_sys')), 1e-3),
    throttledPeriods: keyed(cpu, 'nr_throttled'),
    throttledUsec: keyed(cpu, 'throttled_usec') ?? times(keyed(cpu, 'throttled_time'), 1e-3),
    memory: whole(read('memory.current')) ?? whole(read('memory.usage_in_bytes')),
    peakMemory: whole(read('memory.peak')) ?? whole(read('memory.max_usage_in_bytes')),
    oomKills: keyed(read('memory.events'), 'oom_kill') ?? keyed(read('memory.oom_control'), 'oom_kill'),
    memoryLimitHits: keyed(read('memory.events'), 'max') ?? whole(read('memory.failcnt')),
    io: ioOf(read),
    tasks: whole(read('pids.current')),
    peakTasks: whole(read('pids.peak')),
    stalledUsec: { cpu: pressure('cpu'), memory: pressure('memory'), io: pressure('io') },
  };
}

/** 1.5G */
export function humanSize(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}
