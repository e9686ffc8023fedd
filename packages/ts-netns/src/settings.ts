/** Options before the object: the table, how ip(8) splits them, and what they come to. */
import type { Option, Split, Step } from '@ts/cli';
import { AF_BRIDGE, AF_INET, AF_INET6, AF_MPLS, AF_PACKET, AF_UNSPEC, Failure, parseDecimal, U32_MAX } from '@ts/sys';
import { abbreviates, FAMILIES, incomplete, missing, parseNumber, WRONG } from './words.ts';

export const options = [
  { long: 'help', help: 'display this help', ours: true },
  { long: 'Version', short: 'V', shortOnly: true, help: 'display version' },
  { long: 'version', help: 'display version of this build', ours: true },
  { long: 'loops', short: 'l', arg: 'count', help: 'flush at most so many times' },
  { long: 'family', short: 'f', arg: 'family', help: 'inet, inet6, bridge, mpls or link' },
  { long: '4', short: '4', shortOnly: true, help: 'IPv4' },
  { long: '6', short: '6', shortOnly: true, help: 'IPv6' },
  { long: '0', short: '0', shortOnly: true, help: 'links' },
  { long: 'B', short: 'B', shortOnly: true, help: 'bridges' },
  { long: 'M', short: 'M', shortOnly: true, help: 'MPLS' },
  { long: 'human-readable', short: 'h', help: 'statistics with suffixes' },
  { long: 'iec', help: 'with -human-readable, suffixes for powers of 1024' },
  { long: 'statistics', short: 's', help: 'more information; twice for more' },
  { long: 'details', short: 'd', help: 'details' },
  { long: 'resolve', short: 'r', help: 'resolve host names' },
  { long: 'oneline', short: 'o', help: 'one line an object' },
  { long: 'timestamp', short: 't', help: 'time of each notification' },
  { long: 'tshort', help: 'the same, short' },
  { long: 'force', help: 'go on behind a line of a batch that fails' },
  { long: 'batch', short: 'b', arg: 'file', help: 'commands from a file, one a line; "-" for standard input' },
  { long: 'brief', help: 'only what matters, as a table' },
  { long: 'json', short: 'j', help: 'JSON' },
  { long: 'pretty', short: 'p', help: 'JSON with indentation' },
  { long: 'rcvbuf', arg: 'size', help: 'size of the receive buffer (taken, and ignored)' },
  {
    long: 'color',
    short: 'c',
    arg: 'when',
    optional: true,
    help: 'colors: always, auto or never; by default on a terminal, unless NO_COLOR is set',
  },
  { long: 'netns', short: 'n', arg: 'namespace', help: 'in this network namespace' },
  { long: 'Numeric', short: 'N', help: 'numbers instead of names of tables, protocols and scopes' },
  { long: 'all', short: 'a', help: 'all network namespaces' },
  { long: 'echo', help: 'show what was made (taken, and ignored)' },
] as const satisfies readonly Option[];

/** In the order in which ip(8) looks at them: the first that a word abbreviates counts. */
const ORDER = [
  'loops',
  'family',
  'human-readable',
  'iec',
  'stats',
  'statistics',
  'details',
  'resolve',
  'oneline',
  'timestamp',
  'tshort',
  'Version',
  'force',
  'batch',
  'brief',
  'json',
  'pretty',
  'rcvbuf',
  'color',
  'help',
  'netns',
  'Numeric',
  'all',
  'echo',
] as const;
const MEANS: Readonly<Record<string, string>> = { stats: 'statistics' };
const WHEN = ['always', 'auto', 'never'];
/** What iproute2 calls the arguments that it misses. */
const MISSING: Readonly<Record<string, string>> = {
  family: 'family type',
  loops: 'loop count',
  batch: 'batch file',
  rcvbuf: 'rcvbuf size',
};
function optionNamed(table: readonly Option[], long: string): Option {
  return table.find((option) => option.long === long) as Option;
}

/** Options of several letters behind one hyphen or two, up to the first word that is none. */
export function split(table: readonly Option[], argv: readonly string[]): Split {
  const steps: Step[] = [];
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] as string;
    if (word === '--') {
      at++;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    const name = word.replace(/^--?/, '');
    const [plain = '', attached] = name.split(/=(.*)/s);
    // Ours, which ip(8) does not have, stand in full.
    const ours = word.startsWith('--') ? table.find((each) => each.ours && each.long === plain)?.long : undefined;
    const letter = /^[460BM]$/.test(name) ? name : undefined;
    const isColor = abbreviates(plain, 'color') && (attached === undefined || WHEN.includes(attached));
    const color = isColor ? 'color' : undefined;
    const long = ours ?? letter ?? ORDER.find((candidate) => abbreviates(name, candidate)) ?? color;
    if (long === undefined) throw new Failure(`Option "${word}" is unknown, try "ip -help".`, WRONG);
    // What the original shows there is what its object of that name shows.
    if (long === 'help' && !ours) return { steps, operands: ['help'], beforeDashes: 1 };
    const option = optionNamed(table, MEANS[long] ?? long);
    if (long === 'color') steps.push({ option, value: attached ?? 'always' });
    else if (option.arg === undefined) steps.push({ option });
    else {
      const value = attached ?? argv[++at];
      if (value === undefined) throw long in MISSING ? missing(MISSING[long] as string) : incomplete();
      steps.push({ option, value });
    }
  }
  return { steps, operands: argv.slice(at), beforeDashes: argv.length - at };
}

export interface Settings {
  /** AF_*; AF_UNSPEC where none was named. */
  readonly family: number;
  readonly statistics: number;
  readonly details: number;
  readonly oneline: boolean;
  readonly brief: boolean;
  readonly json: boolean;
  readonly pretty: boolean;
  readonly human: boolean;
  readonly iec: boolean;
  readonly numeric: boolean;
  readonly all: boolean;
  readonly force: boolean;
  /** How the time of each notification is said. */
  readonly timestamp?: 'long' | 'short';
  /** When colours are used; undefined where that was not said. */
  readonly color?: string;
  /** What was made or deleted is shown. */
  readonly echo: boolean;
  readonly loops: number;
  readonly batch?: string;
  /** Name or path of the namespace that everything is done in. */
  readonly namespace?: string;
}

const LETTERS: Readonly<Record<string, number>> = {
  '4': AF_INET,
  '6': AF_INET6,
  '0': AF_PACKET,
  B: AF_BRIDGE,
  M: AF_MPLS,
};

function familyOf(steps: readonly Step[]): number {
  let family = AF_UNSPEC;
  for (const { option, value } of steps) {
    family = LETTERS[option.long] ?? family;
    if (option.long !== 'family') continue;
    const named = FAMILIES[value ?? ''];
    if (named === undefined) throw new Failure(`Error: argument "${value}" is wrong: invalid protocol family`, WRONG);
    family = named;
  }
  return family;
}

/** As atoi(3) reads it: what follows the digits does not count. */
const countFrom = (text: string): number => parseDecimal(/^\s*\+?(\d+)/.exec(text)?.[1] ?? '0', U32_MAX) ?? 0;

function checkBuffer(size: string | undefined): void {
  const value = size === undefined ? 0 : parseNumber(size);
  if (value === undefined || value < 0 || value > U32_MAX) throw new Failure(`Invalid rcvbuf size '${size}'`, WRONG);
}

export function settingsOf(steps: readonly Step[]): Settings {
  const count = (long: string) => steps.filter(({ option }) => option.long === long).length;
  const has = (long: string) => count(long) > 0;
  const last = (long: string) => steps.findLast(({ option }) => option.long === long)?.value;
  checkBuffer(last('rcvbuf'));
  return {
    family: familyOf(steps),
    statistics: count('statistics'),
    details: count('details'),
    oneline: has('oneline'),
    brief: has('brief'),
    json: has('json'),
    pretty: has('pretty'),
    human: has('human-readable'),
    iec: has('iec'),
    numeric: has('Numeric'),
    all: has('all'),
    force: has('force'),
    // No number means no limit, as 0 does.
    loops: countFrom(last('loops') ?? '10'),
    timestamp: has('tshort') ? 'short' : has('timestamp') ? 'long' : undefined,
    color: last('color'),
    echo: has('echo'),
    batch: last('batch'),
    namespace: last('netns'),
  };
}
