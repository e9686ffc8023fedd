/**
 * Settings under their v1 and their v2 names: one table, with the units in one place. Pure.
 *
 * A file that exists is used as it is; the table is asked where the other version's name was given.
 */

import { parseCBigInt, parseCNumber, U64_MAX } from '@ts/sys';

/** Text of a v2 file of the same group, as it is or will be. */
export type Now = (file: string) => string | undefined;

/** What a conversion gives for a text that the version it comes from would refuse. */
export const INVALID = Symbol('invalid value');
export type Converted = string | undefined | typeof INVALID;

export interface Row {
  /** Null where v1 has nothing that does the job; `why` says what does. */
  readonly v1: string | null;
  /** Null where v2 has nothing that does the job; `why` says what does. */
  readonly v2: string | null;
  /**
   * A v1 value as the v2 file takes or shows it; undefined where it gives nothing, INVALID where it is no value of that
   * setting. Left out: the same text.
   */
  readonly toV2?: (value: string, now: Now) => Converted;
  readonly toV1?: (text: string, now: Now) => Converted;
  /** Cannot be written. */
  readonly readOnly?: true;
  /** Not what this version's name means in the other: another row is. */
  readonly not?: 'v1' | 'v2';
  /** An error of the write that is no failure. */
  readonly mayFail?: string;
  readonly why?: string;
}

/** What v1 shows for "no limit": the largest multiple of the page size. */
export const V1_UNLIMITED = '9223372036854771712';

const SIZE_BITS = { '': 0n, k: 10n, m: 20n, g: 30n, t: 40n, p: 50n, e: 60n } as const;

/** Bytes of "10M" or "0xa00000", as the kernel reads them; undefined for what it refuses. */
export function bytesOf(value: string): bigint | undefined {
  const [, number = '', letter = ''] = /^(\w*?)([kmgtpe]?)$/i.exec(value) ?? [];
  // The e of a hexadecimal number is a digit.
  const whole = parseCBigInt(value);
  const count = whole ?? parseCBigInt(number);
  const bytes = whole ?? (count && count << SIZE_BITS[letter.toLowerCase() as keyof typeof SIZE_BITS]);
  return bytes === undefined || bytes > U64_MAX ? undefined : bytes;
}

/** A v1 limit: bytes, 'max' for none, which is -1 or what v1 shows for it; undefined for anything else. */
function v1Limit(value: string): string | undefined {
  const bytes = value === '-1' ? BigInt(V1_UNLIMITED) : bytesOf(value);
  return bytes === undefined ? undefined : bytes >= BigInt(V1_UNLIMITED) ? 'max' : String(bytes);
}

/** A v2 limit: bytes, or 'max'; undefined for anything else. */
const v2Limit = (text: string): string | undefined => (text === 'max' ? text : bytesOf(text)?.toString());

const clamp = (low: bigint, value: bigint, high: bigint) => String(value < low ? low : value > high ? high : value);

/** A line through two points, cut off as libcgroup does; what is no number is invalid. */
const along =
  (from: bigint, to: bigint, rise: bigint, run: bigint, [low, high]: readonly [bigint, bigint]) =>
  (value: string): string | typeof INVALID => {
    const number = parseCBigInt(value);
    if (number === undefined) return INVALID;
    // What lies below the first point is as low as can be.
    const distance = number < from ? 0n : number - from;
    return clamp(low, to + (distance * rise) / run, high);
  };

/** Proportional: the defaults of both versions mean the same share. */
const scaled = (
  defaultV1: bigint,
  rangeV1: readonly [bigint, bigint],
  defaultV2: bigint,
  rangeV2: readonly [bigint, bigint],
) => ({
  toV2: along(0n, 0n, defaultV2, defaultV1, rangeV2),
  toV1: along(0n, 0n, defaultV1, defaultV2, rangeV1),
});

/** A limit in bytes, or none. v1 writes none as -1, v2 as `max`. */
const limit = {
  toV2: (value: string) => v1Limit(value) ?? INVALID,
  toV1: (text: string) => {
    const value = v2Limit(text);
    return value === 'max' ? V1_UNLIMITED : (value ?? INVALID);
  },
};

const DEFAULT_PERIOD = '100000';
const cpuMax = (now: Now) => {
  const [quota = 'max', period = DEFAULT_PERIOD] = now('cpu.max')?.trim().split(/\s+/) ?? [];
  return { quota, period };
};

/** The one or two words that cpu.max takes; undefined where it takes no such thing. */
function quotaOf(text: string): { readonly quota: string; readonly period?: string } | undefined {
  const [, quota, period] = /^(max|\d{1,19})(?:\s+(\d{1,19}))?$/.exec(text) ?? [];
  return quota === undefined ? undefined : { quota, period };
}

/** One number of a file of "key value" lines. */
const keyed = (text: string, key: string) => new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1];
const field =
  (key: string, unit = 1n) =>
  (text: string) => {
    const value = keyed(text, key);
    return value === undefined ? undefined : String(BigInt(value) * unit);
  };

/** blkio.weight 10…1000 lies along io.weight 1…10000. */
const blockWeight = {
  toV2: along(10n, 1n, 9999n, 990n, [1n, 10_000n]),
  toV1: (text: string) => {
    const weight = /^default (\d+)$/m.exec(text)?.[1] ?? text;
    return weight.includes(':') ? undefined : along(1n, 10n, 990n, 9999n, [10n, 1000n])(weight);
  },
};

/** Lines of DEVICE and VALUE, each put otherwise; one that is none of these makes the whole invalid. */
function perLine(text: string, convert: (device: string, value: string) => string | typeof INVALID): Converted {
  const lines = text.split('\n').map((line) => {
    const [, device, value] = /^\s*(\d+:\d+|default)\s+(\S+)\s*$/.exec(line) ?? [];
    return device === undefined || value === undefined ? INVALID : convert(device, value);
  });
  return lines.includes(INVALID) ? INVALID : lines.join('\n');
}

/** "8:0 1048576" of one v1 file is "8:0 rbps=1048576" of io.max. */
const throttle = (v1: string, key: string): Row => ({
  v1: `blkio.throttle.${v1}_device`,
  v2: 'io.max',
  toV2: (value) =>
    perLine(value, (device, amount) => {
      const number = bytesOf(amount);
      return number === undefined || device === 'default' ? INVALID : `${device} ${key}=${number || 'max'}`;
    }),
  toV1: (text) => {
    const lines = text.split('\n').flatMap((line) => {
      const amount = new RegExp(`\\b${key}=(\\w+)`).exec(line)?.[1];
      return amount === undefined ? [] : [`${line.split(' ')[0]} ${amount === 'max' ? 0 : amount}`];
    });
    return lines.length ? lines.join('\n') : undefined;
  },
});

const sum = (first: string | undefined, second: string | undefined, sign: 1n | -1n) => {
  const [one, other] = [first, second].map((text) => (text === undefined ? undefined : parseCBigInt(text)));
  return one === undefined || other === undefined ? undefined : one + sign * other;
};

const none = (v1: string, why: string): Row => ({ v1, v2: null, why });
const noneV1 = (v2: string, why: string): Row => ({ v1: null, v2, why });

/** "8:0 Read 4096" of v1's counts is "8:0 rbytes=4096" of io.stat. */
const counts = (v1: string, read: string, write: string): Row => ({
  v1,
  v2: 'io.stat',
  // v2 counts what is below, too.
  not: v1.endsWith('_recursive') ? undefined : 'v2',
  toV1: (text) => {
    const rows = text.split('\n').filter(Boolean);
    const numbers = rows.map((line) =>
      [read, write].map((key) => BigInt(new RegExp(`\\b${key}=(\\d+)`).exec(line)?.[1] ?? 0)),
    );
    const lines = rows.flatMap((line, index) => {
      const [device] = line.split(' ');
      const [reads, writes] = numbers[index] as [bigint, bigint];
      return [`${device} Read ${reads}`, `${device} Write ${writes}`, `${device} Total ${reads + writes}`];
    });
    const total = numbers.flat().reduce((sum, each) => sum + each, 0n);
    return [...lines, `Total ${total}`].join('\n');
  },
  toV2: (text, now) => {
    const seen = new Map<string, string[]>(
      (now('io.stat') ?? '')
        .split('\n')
        .filter(Boolean)
        .map((line) => [line.split(' ')[0] as string, line.split(' ').slice(1)]),
    );
    for (const [, device, verb, count] of text.matchAll(/^(\d+:\d+) (Read|Write) (\d+)$/gm))
      seen.set(device as string, [...(seen.get(device as string) ?? []), `${verb === 'Read' ? read : write}=${count}`]);
    return [...seen].map(([device, words]) => [device, ...words].join(' ')).join('\n');
  },
  readOnly: true,
});

/** "8:0 500" of one v1 file is a line of a v2 file that begins with "default 100". */
const perDevice = (v1: string, v2: string, convert: typeof blockWeight | undefined): Row => ({
  v1,
  v2,
  not: 'v2',
  toV2: (value) =>
    perLine(value, (device, weight) => {
      const converted = convert ? convert.toV2(weight) : weight;
      return converted === INVALID ? INVALID : `${device} ${converted}`;
    }),
  toV1: (text) => {
    const lines = text.split('\n').filter((line) => /^\d+:/.test(line));
    return lines.length
      ? perLine(lines.join('\n'), (device, weight) => {
          const converted = convert ? convert.toV1(weight) : weight;
          return converted === undefined || converted === INVALID ? INVALID : `${device} ${converted}`;
        })
      : '';
  },
});

/** What the scheduler weighs a process of nice -20 … 19, as cpu.shares of a group. */
const NICE_WEIGHTS: readonly number[] = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991,
  1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
];
const LOWEST_NICE = -20;
const nearestNice = (weight: number) =>
  NICE_WEIGHTS.reduce(
    (best, each, index) => (Math.abs(each - weight) < Math.abs((NICE_WEIGHTS[best] as number) - weight) ? index : best),
    0,
  );

const makeRows = (): readonly Row[] => [
  // The scheduler's weights: 1024 of 2…262144 is what 100 of 1…10000 is.
  { v1: 'cpu.shares', v2: 'cpu.weight', ...scaled(1024n, [2n, 262_144n], 100n, [1n, 10_000n]) },
  // µs in both; v2 has quota and period in one file.
  {
    v1: 'cpu.cfs_period_us',
    v2: 'cpu.max',
    toV2: (value, now) => (parseCBigInt(value) === undefined ? INVALID : `${cpuMax(now).quota} ${value}`),
    toV1: (text) => quotaOf(text)?.period ?? (quotaOf(text) ? undefined : INVALID),
  },
  {
    v1: 'cpu.cfs_quota_us',
    v2: 'cpu.max',
    toV2: (value, now) => {
      const quota = value === '-1' || value === 'max' ? 'max' : parseCBigInt(value);
      return quota === undefined ? INVALID : `${quota} ${cpuMax(now).period}`;
    },
    toV1: (text) => quotaOf(text)?.quota.replace('max', '-1') ?? INVALID,
  },
  { v1: 'cpu.cfs_burst_us', v2: 'cpu.max.burst' },
  // One nice level is 25 % of a weight; the kernel's own table, nice -20 first.
  {
    v1: 'cpu.shares',
    v2: 'cpu.weight.nice',
    toV2: (value) => {
      const weight = parseCNumber(value);
      return weight === undefined ? INVALID : String(nearestNice(weight) + LOWEST_NICE);
    },
    toV1: (text) => {
      const nice = /^-?\d{1,2}$/.test(text) ? NICE_WEIGHTS[Number(text) - LOWEST_NICE] : undefined;
      return nice?.toString() ?? INVALID;
    },
    not: 'v1',
  },
  none('cpu.rt_runtime_us', 'cgroup v2 has no control of realtime scheduling'),
  none('cpu.rt_period_us', 'cgroup v2 has no control of realtime scheduling'),
  // ns in v1, µs in v2; cpuacct.stat counts hundredths of a second.
  { v1: 'cpuacct.usage', v2: 'cpu.stat', toV1: field('usage_usec', 1000n), readOnly: true },
  { v1: 'cpuacct.usage_user', v2: 'cpu.stat', toV1: field('user_usec', 1000n), readOnly: true },
  { v1: 'cpuacct.usage_sys', v2: 'cpu.stat', toV1: field('system_usec', 1000n), readOnly: true },
  {
    v1: 'cpuacct.stat',
    v2: 'cpu.stat',
    toV1: (text) =>
      ['user', 'system'].map((key) => `${key} ${BigInt(keyed(text, `${key}_usec`) ?? 0) / 10_000n}`).join('\n'),
    readOnly: true,
  },
  none('cpuacct.usage_percpu', 'cgroup v2 counts the time of all CPUs together: cpuacct.usage, cpu.stat'),
  none('cpuacct.usage_percpu_sys', 'cgroup v2 counts the time of all CPUs together: cpuacct.usage_sys, cpu.stat'),
  none('cpuacct.usage_percpu_user', 'cgroup v2 counts the time of all CPUs together: cpuacct.usage_user, cpu.stat'),
  none('cpuacct.usage_all', 'cgroup v2 counts the time of all CPUs together: cpuacct.usage, cpu.stat'),
  // cpuset.cpus and cpuset.mems are called the same. Empty: v1 lets nobody in, v2 gives what the group above has.
  { v1: 'cpuset.effective_cpus', v2: 'cpuset.cpus.effective', readOnly: true },
  { v1: 'cpuset.effective_mems', v2: 'cpuset.mems.effective', readOnly: true },
  none('cpuset.cpu_exclusive', 'on cgroup v2 a partition has its CPUs alone: cpuset.cpus.partition=root'),
  none(
    'cpuset.sched_load_balance',
    'on cgroup v2 an isolated partition is not balanced: cpuset.cpus.partition=isolated',
  ),
  none('cpuset.mem_exclusive', 'cgroup v2 has no exclusive memory nodes'),
  none('cpuset.mem_hardwall', 'cgroup v2 has no hardwall of memory nodes'),
  none('cpuset.memory_migrate', 'on cgroup v2 memory always moves with cpuset.mems'),
  none('cpuset.memory_pressure', 'cgroup v2 measures pressure as stalls: memory.pressure'),
  none('cpuset.memory_spread_page', 'cgroup v2 does not spread pages: numactl --interleave'),
  none('cpuset.memory_spread_slab', 'cgroup v2 does not spread pages: numactl --interleave'),
  none('cpuset.sched_relax_domain_level', 'cgroup v2 has no such level of a group'),
  noneV1('cpuset.cpus.partition', 'cgroup v1 has no partitions: cpuset.cpu_exclusive=1, cpuset.sched_load_balance=0'),
  noneV1('cpuset.cpus.exclusive', 'cgroup v1 has no such list: cpuset.cpu_exclusive=1 makes cpuset.cpus exclusive'),
  // Bytes (with k, M, G) in both.
  { v1: 'memory.limit_in_bytes', v2: 'memory.max', ...limit },
  // Under memory pressure v1 takes from groups above their soft limit first, v2 from groups above memory.low first: that is
  // the same promise. memory.high is another one: it slows the group down even where memory is plenty. "No soft limit" is
  // "nothing protected".
  {
    v1: 'memory.soft_limit_in_bytes',
    v2: 'memory.low',
    toV2: (value) => v1Limit(value)?.replace('max', '0') ?? INVALID,
    toV1: (text) => {
      const value = v2Limit(text);
      return value === '0' || value === 'max' ? V1_UNLIMITED : (value ?? INVALID);
    },
  },
  // v1 limits memory and swap together, v2 swap alone.
  {
    v1: 'memory.memsw.limit_in_bytes',
    v2: 'memory.swap.max',
    toV2: (value, now) => {
      const both = v1Limit(value);
      if (both === undefined || both === 'max') return both ?? INVALID;
      const swap = sum(both, now('memory.max')?.trim(), -1n);
      return swap === undefined || swap < 0n ? undefined : String(swap);
    },
    toV1: (text, now) => {
      const swap = v2Limit(text);
      if (swap === undefined) return INVALID;
      return swap === 'max' ? V1_UNLIMITED : (sum(swap, now('memory.max')?.trim(), 1n)?.toString() ?? V1_UNLIMITED);
    },
  },
  { v1: 'memory.usage_in_bytes', v2: 'memory.current', readOnly: true },
  { v1: 'memory.max_usage_in_bytes', v2: 'memory.peak' },
  {
    v1: 'memory.memsw.usage_in_bytes',
    v2: 'memory.swap.current',
    toV1: (text, now) => sum(text, now('memory.current')?.trim(), 1n)?.toString(),
    toV2: (value, now) => sum(value, now('memory.current')?.trim(), -1n)?.toString(),
    readOnly: true,
  },
  // v1 keeps the highest of memory and swap together, v2 that of swap alone: no number gives the other.
  none('memory.memsw.max_usage_in_bytes', 'cgroup v2 keeps the peaks apart: memory.peak, memory.swap.peak'),
  noneV1('memory.swap.peak', 'cgroup v1 keeps the peak of memory and swap together: memory.memsw.max_usage_in_bytes'),
  {
    v1: 'memory.failcnt',
    v2: 'memory.events',
    toV1: field('max'),
    toV2: (value) => `max ${value}`,
    readOnly: true,
  },
  {
    v1: 'memory.memsw.failcnt',
    v2: 'memory.swap.events',
    toV1: field('max'),
    toV2: (value) => `max ${value}`,
    readOnly: true,
  },
  {
    v1: 'memory.oom_control',
    v2: 'memory.events',
    toV1: (text) => `oom_kill_disable 0\nunder_oom 0\noom_kill ${keyed(text, 'oom_kill') ?? 0}`,
    toV2: (text, now) => [now('memory.events'), `oom_kill ${keyed(text, 'oom_kill') ?? 0}`].filter(Boolean).join('\n'),
    readOnly: true,
  },
  { v1: 'memory.kmem.usage_in_bytes', v2: 'memory.stat', toV1: field('kernel'), readOnly: true, not: 'v2' },
  { v1: 'memory.kmem.tcp.usage_in_bytes', v2: 'memory.stat', toV1: field('sock'), readOnly: true, not: 'v2' },
  // v1 takes all it can; v2 is told how many bytes.
  {
    v1: 'memory.force_empty',
    v2: 'memory.reclaim',
    toV2: (_, now) => now('memory.current')?.trim(),
    toV1: () => '0',
    // Not all of it could be freed, which v1 does not tell.
    mayFail: 'EAGAIN',
  },
  noneV1(
    'memory.high',
    'cgroup v1 has no limit that only slows down: memory.limit_in_bytes is hard, memory.soft_limit_in_bytes a promise (memory.low)',
  ),
  noneV1('memory.min', 'cgroup v1 has no guarantee: memory.soft_limit_in_bytes (memory.low) comes nearest'),
  noneV1('memory.oom.group', 'cgroup v1 kills one process at a time'),
  noneV1('memory.swap.high', 'cgroup v1 limits memory and swap together: memory.memsw.limit_in_bytes'),
  noneV1('memory.zswap.max', 'cgroup v1 has no limit for compressed swap'),
  none('memory.use_hierarchy', 'on cgroup v2 a group always counts what is below it'),
  none('memory.move_charge_at_immigrate', 'on cgroup v2 memory stays counted where it was taken'),
  none('memory.pressure_level', 'cgroup v2 measures pressure as stalls: memory.pressure'),
  none('memory.swappiness', 'cgroup v2 has no swappiness of a group: memory.swap.max limits swap'),
  none('memory.kmem.limit_in_bytes', 'on cgroup v2 memory.max covers kernel memory'),
  none('memory.kmem.tcp.limit_in_bytes', 'on cgroup v2 memory.max covers socket buffers'),
  {
    v1: 'freezer.state',
    v2: 'cgroup.freeze',
    // While it freezes, v1 shows FREEZING.
    toV2: (value) => (value === 'FROZEN' || value === 'FREEZING' ? '1' : value === 'THAWED' ? '0' : INVALID),
    toV1: (text) => (text === '1' ? 'FROZEN' : text === '0' ? 'THAWED' : INVALID),
  },
  none('freezer.self_freezing', 'cgroup v2 shows cgroup.freeze, and frozen in cgroup.events'),
  none('freezer.parent_freezing', 'cgroup v2 shows frozen in cgroup.events'),
  noneV1('cgroup.kill', 'cgroup v1 cannot kill a group: cgdelete --kill does'),
  noneV1('cgroup.type', 'on cgroup v1 threads of a process may be in different groups always'),
  noneV1('cgroup.events', 'cgroup v1 tells by notify_on_release'),
  noneV1('cgroup.max.depth', 'cgroup v1 does not limit the depth'),
  noneV1('cgroup.max.descendants', 'cgroup v1 does not limit the number of groups'),
  ...['cpu', 'memory', 'io', 'irq'].map((name) =>
    noneV1(
      `${name}.pressure`,
      `pressure is measured for groups of the v2 tree; that of the host is in /proc/pressure/${name}`,
    ),
  ),
  { v1: 'blkio.weight', v2: 'io.weight', ...blockWeight },
  { v1: 'blkio.bfq.weight', v2: 'io.bfq.weight', toV1: (text) => /^default (\d+)$/m.exec(text)?.[1] ?? text },
  perDevice('blkio.weight_device', 'io.weight', blockWeight),
  perDevice('blkio.bfq.weight_device', 'io.bfq.weight', undefined),
  throttle('read_bps', 'rbps'),
  throttle('write_bps', 'wbps'),
  throttle('read_iops', 'riops'),
  throttle('write_iops', 'wiops'),
  ...['', '_recursive'].flatMap((suffix) => [
    counts(`blkio.throttle.io_service_bytes${suffix}`, 'rbytes', 'wbytes'),
    counts(`blkio.throttle.io_serviced${suffix}`, 'rios', 'wios'),
  ]),
  none('blkio.reset_stats', 'cgroup v2 cannot start its counts again'),
  noneV1('io.latency', 'cgroup v1 has no target for latency'),
  noneV1('io.prio.class', 'cgroup v1 has no class: blkio.prio.class where the kernel has it'),
  // * is a page size: 2MB, 1GB.
  { v1: 'hugetlb.*.limit_in_bytes', v2: 'hugetlb.*.max', ...limit },
  { v1: 'hugetlb.*.usage_in_bytes', v2: 'hugetlb.*.current', readOnly: true },
  { v1: 'hugetlb.*.rsvd.limit_in_bytes', v2: 'hugetlb.*.rsvd.max', ...limit },
  { v1: 'hugetlb.*.rsvd.usage_in_bytes', v2: 'hugetlb.*.rsvd.current', readOnly: true },
  {
    v1: 'hugetlb.*.failcnt',
    v2: 'hugetlb.*.events',
    toV1: field('max'),
    toV2: (value) => `max ${value}`,
    readOnly: true,
  },
  none('hugetlb.*.max_usage_in_bytes', 'cgroup v2 keeps no peak of huge pages'),
  none('net_cls.classid', 'on cgroup v2 netfilter matches the group itself: nft … socket cgroupv2'),
  none('net_prio.ifpriomap', 'on cgroup v2 netfilter matches the group itself: nft … socket cgroupv2'),
];

let rows: readonly Row[] | undefined;

/**
 * The table, made when it is asked for: most runs translate nothing. Order counts where several v1 files make up one v2 file: the
 * later ones see what the earlier ones gave.
 */
export const settings = (): readonly Row[] => {
  rows ??= makeRows();
  return rows;
};
