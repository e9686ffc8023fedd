/** Limits as people write them: `cpu=50%`, `memory=1.5G`. Pure. */
import type { Setting } from './settings.ts';

const UNITS = { '': 0n, K: 10n, M: 20n, G: 30n, T: 40n } as const;

/** "1.5G" as bytes; "max" for none. Undefined where it is neither. */
export function parseSize(text: string): string | undefined {
  if (/^(max|none|unlimited)$/.test(text)) return 'max';
  const match = /^(\d+)(?:\.(\d{1,6}))?\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  if (!match) return undefined;
  const [, whole, part = '', letter] = match as unknown as [string, string, string | undefined, string];
  const unit = 1n << UNITS[letter.toUpperCase() as keyof typeof UNITS];
  return String(BigInt(whole) * unit + (BigInt(part || 0) * unit) / 10n ** BigInt(part.length));
}

/** The period of a quota in µs: the kernel's own. */
const PERIOD = 100_000;
/** The kernel takes no quota below this many µs. */
const LEAST_QUOTA = 1000;

/** "50%" of one CPU, or "1.5" CPUs, as µs of each period. */
function parseCpu(text: string): string | undefined {
  if (text === 'max') return `max ${PERIOD}`;
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  if (!match) return undefined;
  const cpus = Number(match[1]) / (match[2] ? 100 : 1);
  const quota = Math.round(cpus * PERIOD);
  // A small share is had of a longer period.
  if (quota >= LEAST_QUOTA) return `${quota} ${PERIOD}`;
  return Math.round(cpus * 10 * PERIOD) >= LEAST_QUOTA ? `${Math.round(cpus * 10 * PERIOD)} ${10 * PERIOD}` : undefined;
}

/** `DEVICE:AMOUNT`, the device as MAJOR:MINOR. */
function throttle(text: string, key: string, amount: (text: string) => string | undefined): string | undefined {
  const match = /^(\d+:\d+):(.+)$/.exec(text);
  const number = match && amount(match[2] as string);
  return match && number !== undefined ? `${match[1]} ${key}=${number}` : undefined;
}

const count = (text: string) => (/^(\d+|max)$/.test(text) ? text : undefined);

/** What each limit sets, under v2's name, and how it is written. */
const LIMITS: Readonly<
  Record<string, { readonly name: string; readonly says: string; value(text: string): string | undefined }>
> = {
  cpu: { name: 'cpu.max', says: '50% of a CPU, 1.5 CPUs or max', value: parseCpu },
  weight: {
    name: 'cpu.weight',
    says: 'a number from 1 to 10000',
    value: (text) => (/^\d+$/.test(text) ? text : undefined),
  },
  cpus: {
    name: 'cpuset.cpus',
    says: 'a list of CPUs such as 0-2,4',
    value: (text) => (/^[\d,-]+$/.test(text) ? text : undefined),
  },
  memory: { name: 'memory.max', says: 'a size such as 500M, 1.5G or max', value: parseSize },
  'memory-low': { name: 'memory.low', says: 'a size such as 500M', value: parseSize },
  'memory-high': { name: 'memory.high', says: 'a size such as 500M or max', value: parseSize },
  swap: { name: 'memory.swap.max', says: 'a size such as 1G or max', value: parseSize },
  pids: { name: 'pids.max', says: 'a number or max', value: count },
  'read-bps': {
    name: 'io.max',
    says: 'MAJOR:MINOR:SIZE such as 8:0:10M',
    value: (text) => throttle(text, 'rbps', parseSize),
  },
  'write-bps': {
    name: 'io.max',
    says: 'MAJOR:MINOR:SIZE such as 8:0:10M',
    value: (text) => throttle(text, 'wbps', parseSize),
  },
  'read-iops': {
    name: 'io.max',
    says: 'MAJOR:MINOR:COUNT such as 8:0:100',
    value: (text) => throttle(text, 'riops', count),
  },
  'write-iops': {
    name: 'io.max',
    says: 'MAJOR:MINOR:COUNT such as 8:0:100',
    value: (text) => throttle(text, 'wiops', count),
  },
};

/** For help texts. */
export const LIMIT_NAMES: readonly string[] = Object.keys(LIMITS);

/** The setting that a limit stands for, or what is wrong with it. */
export function parseLimit(text: string): Setting | { readonly wrong: string } {
  const equals = text.indexOf('=');
  const limit = LIMITS[text.slice(0, equals)];
  if (equals < 0 || !limit) return { wrong: `a limit is one of ${LIMIT_NAMES.join(', ')}, and its value behind =` };
  const value = limit.value(text.slice(equals + 1));
  return value === undefined ? { wrong: `${text.slice(0, equals)} is ${limit.says}` } : { name: limit.name, value };
}
