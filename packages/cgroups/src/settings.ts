/**
 * Settings under their v1 and their v2 names: one table, with the units in one place.
 *
 * A file that exists is used as it is; the table is asked where the other version's name was given.
 */
import { findHome, type Hierarchies, type Reader, whyMissing } from './hierarchies.ts';
import { type Group, groupAt } from './spec.ts';

/** Text of a v2 file of the same group, as it is or will be. */
type Now = (file: string) => string | undefined;

interface Row {
  readonly v1: string;
  /** Null where v2 has nothing that does the job; `why` says what does. */
  readonly v2: string | null;
  /** A v1 value as the v2 file takes or shows it; undefined where it gives nothing. Left out: the same text. */
  readonly toV2?: (value: string, now: Now) => string | undefined;
  readonly toV1?: (text: string, now: Now) => string | undefined;
  /** Cannot be written. */
  readonly readOnly?: true;
  readonly why?: string;
}

/** What v1 shows for "no limit": the largest multiple of the page size. */
export const V1_UNLIMITED = '9223372036854771712';
const isUnlimited = (value: string) =>
  /^-\d+$/.test(value) || (/^\d+$/.test(value) && BigInt(value) >= BigInt(V1_UNLIMITED));

const clamp = (low: number, value: number, high: number) => String(Math.min(high, Math.max(low, Math.round(value))));
const isNumber = (value: string) => /^-?\d+$/.test(value);

/** Proportional: the defaults of both versions mean the same share. */
const scaled = (
  defaultV1: number,
  [lowV1, highV1]: readonly [number, number],
  defaultV2: number,
  [lowV2, highV2]: readonly [number, number],
) => ({
  toV2: (value: string) => (isNumber(value) ? clamp(lowV2, (Number(value) * defaultV2) / defaultV1, highV2) : value),
  toV1: (value: string) => (isNumber(value) ? clamp(lowV1, (Number(value) * defaultV1) / defaultV2, highV1) : value),
});

/** A limit in bytes, or none. v1 writes none as -1, v2 as `max`. */
const limit = {
  toV2: (value: string) => (isUnlimited(value) ? 'max' : value),
  toV1: (text: string) => (text === 'max' ? V1_UNLIMITED : text),
};

const DEFAULT_PERIOD = '100000';
const cpuMax = (now: Now) => {
  const [quota = 'max', period = DEFAULT_PERIOD] = now('cpu.max')?.trim().split(/\s+/) ?? [];
  return { quota, period };
};

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
  toV2: (value: string) => (isNumber(value) ? clamp(1, 1 + ((Number(value) - 10) * 9999) / 990, 10_000) : value),
  toV1: (text: string) => {
    const weight = /^default (\d+)$/m.exec(text)?.[1] ?? text;
    return isNumber(weight) ? clamp(10, 10 + ((Number(weight) - 1) * 990) / 9999, 1000) : weight;
  },
};

/** "8:0 1048576" of one v1 file is "8:0 rbps=1048576" of io.max. */
const throttle = (v1: string, key: string): Row => ({
  v1: `blkio.throttle.${v1}_device`,
  v2: 'io.max',
  toV2: (value) =>
    value
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/))
      .map(([device, amount]) => `${device} ${key}=${amount === '0' ? 'max' : amount}`)
      .join('\n'),
  toV1: (text) => {
    const lines = text.split('\n').flatMap((line) => {
      const amount = new RegExp(`\\b${key}=(\\w+)`).exec(line)?.[1];
      return amount === undefined ? [] : [`${line.split(' ')[0]} ${amount === 'max' ? 0 : amount}`];
    });
    return lines.length ? lines.join('\n') : undefined;
  },
});

const sum = (first: string | undefined, second: string | undefined, sign: 1n | -1n) =>
  first !== undefined && second !== undefined && isNumber(first) && isNumber(second)
    ? BigInt(first) + sign * BigInt(second)
    : undefined;

const none = (v1: string, why: string): Row => ({ v1, v2: null, why });

/** Order counts where several v1 files make up one v2 file: the later ones see what the earlier ones gave. */
export const SETTINGS: readonly Row[] = [
  // The scheduler's weights: 1024 of 2…262144 is what 100 of 1…10000 is.
  { v1: 'cpu.shares', v2: 'cpu.weight', ...scaled(1024, [2, 262_144], 100, [1, 10_000]) },
  // µs in both; v2 has quota and period in one file.
  {
    v1: 'cpu.cfs_period_us',
    v2: 'cpu.max',
    toV2: (value, now) => `${cpuMax(now).quota} ${value}`,
    toV1: (text) => text.split(/\s+/)[1],
  },
  {
    v1: 'cpu.cfs_quota_us',
    v2: 'cpu.max',
    toV2: (value, now) => `${value.startsWith('-') ? 'max' : value} ${cpuMax(now).period}`,
    toV1: (text) => (text.split(/\s+/)[0] as string).replace('max', '-1'),
  },
  { v1: 'cpu.cfs_burst_us', v2: 'cpu.max.burst' },
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
  { v1: 'cpuset.effective_cpus', v2: 'cpuset.cpus.effective', readOnly: true },
  { v1: 'cpuset.effective_mems', v2: 'cpuset.mems.effective', readOnly: true },
  // Bytes (with k, M, G) in both.
  { v1: 'memory.limit_in_bytes', v2: 'memory.max', ...limit },
  // Under memory pressure v1 takes from groups above their soft limit first, v2 from groups above memory.low first: that is
  // the same promise. memory.high is another one: it slows the group down even where memory is plenty. "No soft limit" is
  // "nothing protected".
  {
    v1: 'memory.soft_limit_in_bytes',
    v2: 'memory.low',
    toV2: (value) => (isUnlimited(value) ? '0' : value),
    toV1: (text) => (text === '0' || text === 'max' ? V1_UNLIMITED : text),
  },
  // v1 limits memory and swap together, v2 swap alone.
  {
    v1: 'memory.memsw.limit_in_bytes',
    v2: 'memory.swap.max',
    toV2: (value, now) => {
      if (isUnlimited(value)) return 'max';
      const swap = sum(bytesOf(value), now('memory.max')?.trim(), -1n);
      return swap === undefined || swap < 0n ? undefined : String(swap);
    },
    toV1: (text, now) =>
      text === 'max' ? V1_UNLIMITED : (sum(text, now('memory.max')?.trim(), 1n)?.toString() ?? V1_UNLIMITED),
  },
  { v1: 'memory.usage_in_bytes', v2: 'memory.current', readOnly: true },
  { v1: 'memory.max_usage_in_bytes', v2: 'memory.peak' },
  {
    v1: 'memory.memsw.usage_in_bytes',
    v2: 'memory.swap.current',
    toV1: (text, now) => sum(text, now('memory.current')?.trim(), 1n)?.toString(),
    readOnly: true,
  },
  { v1: 'memory.failcnt', v2: 'memory.events', toV1: field('max'), readOnly: true },
  {
    v1: 'memory.oom_control',
    v2: 'memory.events',
    toV1: (text) => `oom_kill_disable 0\nunder_oom 0\noom_kill ${keyed(text, 'oom_kill') ?? 0}`,
    readOnly: true,
  },
  none('memory.swappiness', 'cgroup v2 has no swappiness of a group: memory.swap.max limits swap'),
  none('memory.kmem.limit_in_bytes', 'on cgroup v2 memory.max covers kernel memory'),
  none('memory.kmem.tcp.limit_in_bytes', 'on cgroup v2 memory.max covers socket buffers'),
  {
    v1: 'freezer.state',
    v2: 'cgroup.freeze',
    toV2: (value) => ({ FROZEN: '1', THAWED: '0' })[value] ?? value,
    toV1: (text) => (text.trim() === '1' ? 'FROZEN' : 'THAWED'),
  },
  { v1: 'blkio.weight', v2: 'io.weight', ...blockWeight },
  { v1: 'blkio.bfq.weight', v2: 'io.bfq.weight', toV1: (text) => /^default (\d+)$/m.exec(text)?.[1] ?? text },
  throttle('read_bps', 'rbps'),
  throttle('write_bps', 'wbps'),
  throttle('read_iops', 'riops'),
  throttle('write_iops', 'wiops'),
  // * is a page size: 2MB, 1GB.
  { v1: 'hugetlb.*.limit_in_bytes', v2: 'hugetlb.*.max', ...limit },
  { v1: 'hugetlb.*.usage_in_bytes', v2: 'hugetlb.*.current', readOnly: true },
  { v1: 'hugetlb.*.rsvd.limit_in_bytes', v2: 'hugetlb.*.rsvd.max', ...limit },
  { v1: 'hugetlb.*.rsvd.usage_in_bytes', v2: 'hugetlb.*.rsvd.current', readOnly: true },
  { v1: 'hugetlb.*.failcnt', v2: 'hugetlb.*.events', toV1: field('max'), readOnly: true },
  none('devices.allow', 'cgroup v2 decides on devices by a BPF program'),
  none('devices.deny', 'cgroup v2 decides on devices by a BPF program'),
  none('net_cls.classid', 'on cgroup v2 netfilter matches the group itself: nft … socket cgroupv2'),
  none('net_prio.ifpriomap', 'on cgroup v2 netfilter matches the group itself: nft … socket cgroupv2'),
];

/** "10M" as bytes; what is no such number stays. */
function bytesOf(value: string): string {
  const match = /^(\d+)([kKmMgGtT])$/.exec(value);
  return match
    ? String(
        BigInt(match[1] as string) <<
          BigInt({ k: 10, m: 20, g: 30, t: 40 }[(match[2] as string).toLowerCase()] as number),
      )
    : value;
}

/** `cpu` of `cpu.shares`; undefined where the name has no dot. */
export function controllerOf(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot > 0 && dot < name.length - 1 && !name.includes('/') ? name.slice(0, dot) : undefined;
}

/** The table, as it reads for the page size that a name has. */
function rowsFor(name: string): readonly Row[] {
  const size = /^hugetlb\.([^.]+)\./.exec(name)?.[1];
  if (size === undefined) return SETTINGS;
  return SETTINGS.map((row) => ({ ...row, v1: row.v1.replace('*', size), v2: row.v2?.replace('*', size) ?? null }));
}

/** A setting that cannot be found. */
export interface NoSetting {
  /** `controller`: it lives nowhere here. `file`: the group has no such file. `group`: there is no such group. */
  readonly no: 'controller' | 'file' | 'group';
  readonly hint: string;
}

type Found =
  /** A file of that very name. */
  | { readonly file: string }
  /** A file of the other version, with the rows between. */
  | { readonly rows: readonly Row[]; readonly group: Group; readonly to: 1 | 2 };

function locate(hierarchies: Hierarchies, path: string, name: string, world: Reader): Found | NoSetting {
  const controller = controllerOf(name) ?? name;
  const home = findHome(hierarchies, controller);
  const own = home && groupAt(home.hierarchy, path);
  if (own && world.exists(`${own.directory}/${name}`)) return { file: `${own.directory}/${name}` };
  const table = rowsFor(name);
  const toV2 = table.filter((row) => row.v1 === name);
  const toV1 = table.filter((row) => row.v2 === name);
  const nothing = toV2.find((row) => row.v2 === null);
  const other = toV2.length
    ? hierarchies.mounted.find(({ version }) => version === 2)
    : toV1.length
      ? findHome(hierarchies, controllerOf(toV1[0]?.v1 as string) as string)?.hierarchy
      : undefined;
  const applies = other && (toV2.length ? home?.hierarchy.version !== 1 : other.version === 1);
  // Where v1 is in use, a controller that is not mounted can be.
  const mountable =
    !home && hierarchies.known.has(controller) && hierarchies.mounted.some(({ version }) => version === 1);
  if (mountable) return { no: 'controller', hint: whyMissing(hierarchies, controller) };
  if (applies && nothing) return { no: 'file', hint: nothing.why as string };
  if (applies) {
    const group = groupAt(other, path);
    const rows = toV2.length ? toV2 : toV1;
    const to = other.version;
    const files = rows.map((row) => `${group.directory}/${to === 2 ? row.v2 : row.v1}`);
    if (files.some((file) => world.exists(file))) return { rows, group, to };
  }
  const group = own ?? (applies ? groupAt(other, path) : undefined);
  if (!group) return { no: 'controller', hint: whyMissing(hierarchies, controller) };
  const { hierarchy, directory } = group;
  if (!world.exists(directory))
    return {
      no: 'group',
      hint: `there is no group ${directory}: cgcreate -g ${controller === 'cgroup' ? '' : controller}:${path}`,
    };
  const given = world.read(`${directory}/cgroup.controllers`)?.split(/\s+/);
  if (hierarchy.version === 2 && home?.enable !== undefined && !given?.includes(home.enable))
    return {
      no: 'file',
      hint: `the group has no controller '${home.enable}': cgcreate -g ${home.enable}:${path} hands it down`,
    };
  return { no: 'file', hint: `there is no ${directory}/${name}` };
}

/** Text of a file of a group, less its last line end. Undefined where it cannot be read: v1 has files to be written only. */
const textOf = (world: Reader, path: string) => world.read(path)?.replace(/\n$/, '');

/** Value of a setting of a group, under either version's name. `''` where it exists and cannot be read. */
export function readSetting(
  hierarchies: Hierarchies,
  path: string,
  name: string,
  world: Reader,
): { readonly value: string } | NoSetting {
  const found = locate(hierarchies, path, name, world);
  if ('no' in found) return found;
  if ('file' in found) return { value: textOf(world, found.file) ?? '' };
  const { rows, group, to } = found;
  if (to === 2) {
    const [row] = rows as [Row];
    const now: Now = (file) => textOf(world, `${group.directory}/${file}`);
    const text = now(row.v2 as string) ?? '';
    return { value: (row.toV1 ? row.toV1(text, now) : text) ?? '' };
  }
  let value: string | undefined;
  const now: Now = (file) => {
    if (file === name) return value;
    const other = readSetting(hierarchies, path, file, world);
    return 'value' in other ? other.value : undefined;
  };
  for (const row of rows) {
    const text = textOf(world, `${group.directory}/${row.v1}`);
    if (text !== undefined) value = row.toV2 ? (row.toV2(text, now) ?? value) : text;
  }
  return { value: value ?? '' };
}

export interface FileWrite {
  readonly path: string;
  readonly value: string;
}

/** What is written where for a setting of a group. `planned` holds what earlier settings will have written, by path. */
export function writesOf(
  hierarchies: Hierarchies,
  path: string,
  name: string,
  value: string,
  world: Reader,
  planned: Map<string, string>,
): readonly FileWrite[] | NoSetting {
  const found = locate(hierarchies, path, name, world);
  if ('no' in found) return found;
  const note = (writes: readonly FileWrite[]) => {
    for (const write of writes) planned.set(write.path, write.value);
    return writes;
  };
  if ('file' in found) return note([{ path: found.file, value }]);
  const { rows, group, to } = found;
  const target = (row: Row) => `${group.directory}/${to === 2 ? row.v2 : row.v1}`;
  const now: Now = (file) => planned.get(`${group.directory}/${file}`) ?? textOf(world, `${group.directory}/${file}`);
  const writes = rows.flatMap((row) => {
    if (row.readOnly) return [];
    const convert = to === 2 ? row.toV2 : row.toV1;
    const text = convert ? convert(value, now) : value;
    return text === undefined ? [] : [{ path: target(row), value: text }];
  });
  if (writes.length) return note(writes);
  const names = rows.map((row) => (to === 2 ? row.v2 : row.v1)).join(', ');
  return { no: 'file', hint: `${name}=${value} has no counterpart in ${names} of cgroup v${to}` };
}
