/** Counters of a link: `-statistics`, once or twice. */
import type { Link } from '@ts/netlink';
import type { Entry } from '../entry.ts';
import type { Settings } from '../settings.ts';

type Counters = NonNullable<Link['statistics']>;
type Column = readonly [heading: string, key: string, value: bigint];

/** A number with a suffix, from 1000 (or 1024) on. */
function humanNumber(value: bigint, iec: boolean): string {
  const base = iec ? 1024 : 1000;
  const suffixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  let rest = Number(value);
  let power = 0;
  while (rest >= base && power < suffixes.length - 1) {
    rest /= base;
    power++;
  }
  if (power === 0) return String(value);
  return `${rest.toFixed(rest < 10 ? 2 : rest < 100 ? 1 : 0)}${suffixes[power]}${iec ? 'i' : ''}`;
}

/** No column is narrower: the first one holds the longest title, the others their usual headings. */
const LEAST = [10, 7, 6, 7, 7, 7, 10];

const total = (columns: readonly Column[]) => columns.map(([, , value]) => String(value).length);

/** Bytes stand under the title; what follows, in columns. A line of errors has none in the first. */
function table(entry: Entry, title: string, columns: readonly Column[], widths: readonly number[], settings: Settings) {
  const shown = (value: bigint) => (settings.human ? humanNumber(value, settings.iec) : String(value));
  const isErrors = title.endsWith('errors:');
  const [first = 0, ...others] = widths;
  const placed = isErrors ? others : [first - title.length - 1, ...others];
  const headings = columns.map(([heading], i) => ` ${heading.padStart(placed[i] as number)}`).join('');
  const isWide = columns.length > 6;
  entry.line(`    ${title}${headings}${isErrors || isWide ? '' : ' '.repeat(1 + (LEAST[6] as number))}`);
  const values = columns.map(([, , value], i) => shown(value).padStart((isErrors ? others : widths)[i] as number));
  entry.line(`    ${isErrors ? `${' '.repeat(first)} ` : ''}${values.map((value) => `${value} `).join('')}`);
}

const optional = (heading: string, key: string, value: bigint): Column[] => (value ? [[heading, key, value]] : []);

export function showStatistics(settings: Settings, link: Link, entry: Entry): void {
  const counters = link.statistics as Counters;
  const more = settings.statistics > 1;
  const rx: Column[] = [
    ['bytes', 'bytes', counters.rxBytes],
    ['packets', 'packets', counters.rxPackets],
    ['errors', 'errors', counters.rxErrors],
    ['dropped', 'dropped', counters.rxDropped],
    ['missed', 'over_errors', counters.rxMissedErrors],
    ['mcast', 'multicast', counters.multicast],
    ...optional('compressed', 'compressed', counters.rxCompressed),
  ];
  const rxErrors: Column[] = [
    ['length', 'length_errors', counters.rxLengthErrors],
    ['crc', 'crc_errors', counters.rxCrcErrors],
    ['frame', 'frame_errors', counters.rxFrameErrors],
    ['fifo', 'fifo_errors', counters.rxFifoErrors],
    ['overrun', 'missed_errors', counters.rxOverErrors],
    ...optional('nohandler', 'nohandler', counters.rxNoHandler),
  ];
  const tx: Column[] = [
    ['bytes', 'bytes', counters.txBytes],
    ['packets', 'packets', counters.txPackets],
    ['errors', 'errors', counters.txErrors],
    ['dropped', 'dropped', counters.txDropped],
    ['carrier', 'carrier_errors', counters.txCarrierErrors],
    ['collsns', 'collisions', counters.collisions],
    ...optional('compressed', 'compressed', counters.txCompressed),
  ];
  const txErrors: Column[] = [
    ['aborted', 'aborted_errors', counters.txAbortedErrors],
    ['fifo', 'fifo_errors', counters.txFifoErrors],
    ['window', 'window_errors', counters.txWindowErrors],
    ['heartbt', 'heartbeat_errors', counters.txHeartbeatErrors],
    ['transns', 'carrier_changes', BigInt(link.carrierChanges ?? 0)],
  ];
  const inJson = (columns: readonly Column[]) => Object.fromEntries(columns.map(([, key, value]) => [key, value]));
  entry.note('stats64', {
    rx: inJson(more ? [...rx, ...rxErrors] : rx),
    tx: inJson(more ? [...tx, ...txErrors] : tx),
  });
  // Errors begin in the second column.
  const lengths = [
    total(rx),
    total(tx),
    ...(more
      ? [
          [0, ...total(rxErrors)],
          [0, ...total(txErrors)],
        ]
      : []),
  ];
  const widths = LEAST.map((least, i) => Math.max(least, ...lengths.map((each) => each[i] ?? 0)));
  table(entry, 'RX:', rx, widths, settings);
  if (more) table(entry, 'RX errors:', rxErrors, widths, settings);
  table(entry, 'TX:', tx, widths, settings);
  if (more) table(entry, 'TX errors:', txErrors, widths, settings);
}
