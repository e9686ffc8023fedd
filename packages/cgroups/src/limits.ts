/** Limits as people write them: `cpu=50%`, `memory=1.5G`. Pure. */
import { parseBytes, parseDecimal } from '@ts/sys';
import type { Setting } from './settings.ts';

/** "1.5G" as bytes (parseBytes); "max" for none. Undefined where it is neither. */
export const sizeLimit = (text: string): string | undefined =>
  /^(max|none|unlimited)$/.test(text) ? 'max' : parseBytes(text)?.toString();

/** The period of a quota in µs: the kernel's own. */
const PERIOD = 100_000;
/** The kernel takes no quota below this many µs. */
const LEAST_QUOTA = 1000;
/** CPUs that no machine has; more would not be a number of µs that the kernel takes. */
const MANY_CPUS = 1e6;

/** "50%" of one CPU, or "1.5" CPUs, as µs of each period. */
function parseCpu(text: string): string | undefined {
  if (text === 'max') return `max ${PERIOD}`;
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  if (!match) return undefined;
  const cpus = Number(match[1]) / (match[2] ? 100 : 1);
  if (cpus > MANY_CPUS) return undefined;
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

const count = (text: string) => (text === 'max' ? text : parseDecimal(text)?.toString());

/** What each limit sets, under v2's name, and how it is written. */
const LIMITS: Readonly<
  Record<string, { readonly name: string; readonly says: string; value(text: string): string | undefined }>
> = {
  cpu: { name: 'cpu.max', says: '50% of a CPU, 1.5 CPUs or max', value: parseCpu },
  weight: {
    name: 'cpu.weight',
    says: 'a number from 1 to 10000',
    value: (text) => (parseDecimal(text, 10_000) ? text : undefined),
  },
  cpus: {
    name: 'cpuset.cpus',
    says: 'a list of CPUs such as 0-2,4',
    value: (text) => (/^[\d,-]+$/.test(text) ? text : undefined),
  },
  memory: { name: 'memory.max', says: 'a size such as 500M, 1.5G or max', value: sizeLimit },
  'memory-low': { name: 'memory.low', says: 'a size such as 500M', value: sizeLimit },
  'memory-high': { name: 'memory.high', says: 'a size such as 500M or max', value: sizeLimit },
  swap: { name: 'memory.swap.max', says: 'a size such as 1G or max', value: sizeLimit },
  pids: { name: 'pids.max', says: 'a number or max', value: count },
  'read-bps': {
    name: 'io.max',
    says: 'MAJOR:MINOR:SIZE such as 8:0:10M',
    value: (text) => throttle(text, 'rbps', sizeLimit),
  },
  'write-bps': {
    name: 'io.max',
    says: 'MAJOR:MINOR:SIZE such as 8:0:10M',
    value: (text) => throttle(text, 'wbps', sizeLimit),
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
  const name = text.slice(0, Math.max(0, equals));
  const limit = Object.hasOwn(LIMITS, name) ? LIMITS[name] : undefined;
  if (!limit) return { wrong: `a limit is one of ${LIMIT_NAMES.join(', ')}, and its value behind =` };
  const value = limit.value(text.slice(equals + 1));
  return value === undefined ? { wrong: `${name} is ${limit.says}` } : { name: limit.name, value };
}
