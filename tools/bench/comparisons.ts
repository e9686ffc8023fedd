/** What is compared: a tool with its original, a chain with the same chain of originals. */
import { resolve } from 'node:path';
import { crowd } from './crowd.ts';
import { filterComparisons } from './filters.ts';
import type { Comparison, Contender } from './measure.ts';
import { overlayComparisons } from './overlay.ts';

const bin = resolve('dist/bin');
/** All tools in one executable, where it has been built. */
const all = resolve('dist/standalone/ts-tools');
const NO_FUSE = { TS_TOOLS_NO_FUSE: '1' };

const original = (path: string, ...rest: string[]): Contender => ({
  who: path.split('/').at(-1) as string,
  argv: [path, ...rest],
});
const ours = (name: string, ...rest: string[]): Contender => ({ who: name, argv: [`${bin}/${name}`, ...rest] });
const standalone = (name: string, ...rest: string[]): Contender => ({
  who: 'ts-tools (stand-alone)',
  argv: [all, name, ...rest],
});

/** `length` times "unshare the host name", then true. */
function chain(length: number): Comparison {
  const links = (program: string) => Array.from({ length }, () => [program, '-u']).flat();
  const [, ...originals] = links('/usr/bin/unshare');
  const [, ...own] = links(`${bin}/ts-unshare`);
  const [, ...alone] = Array.from({ length }, () => [all, 'unshare', '-u']).flat() as [string, ...string[]];
  return {
    name: `chain of ${length}`,
    contenders: [
      { who: 'originals', argv: ['/usr/bin/unshare', ...originals, '/bin/true'] },
      { who: 'ours, one process', argv: [`${bin}/ts-unshare`, ...own, '/bin/true'] },
      { who: 'ours, stand-alone', argv: [all, ...alone, '/bin/true'] },
      { who: 'ours, TS_TOOLS_NO_FUSE', argv: [`${bin}/ts-unshare`, ...own, '/bin/true'], env: NO_FUSE },
    ],
  };
}

export const comparisons = (): Comparison[] => [
  {
    name: 'start',
    contenders: [
      { who: 'node, empty script', argv: [process.execPath, '--single-threaded', '--v8-pool-size=0', '-e', '0'] },
      ours('ts-unshare', '-u', '/bin/true'),
    ],
  },
  {
    name: 'unshare -u',
    contenders: [
      original('/usr/bin/unshare', '-u', '/bin/true'),
      ours('ts-unshare', '-u', '/bin/true'),
      standalone('unshare', '-u', '/bin/true'),
    ],
  },
  { name: 'hostname', contenders: [original('/usr/bin/hostname'), ours('ts-hostname')] },
  { name: 'mount (list)', contenders: [original('/usr/bin/mount'), ours('ts-mount')] },
  {
    name: 'capsh --decode',
    contenders: [original('/usr/sbin/capsh', '--decode=a80425fb'), ours('ts-capsh', '--decode=a80425fb')],
  },
  { name: 'lscgroup', contenders: [original('/usr/bin/lscgroup'), ours('ts-lscgroup')] },
  ...[1, 3, 6].map(chain),
  {
    name: 'seccomp',
    contenders: [ours('ts-unshare', '-u', '/bin/true'), ours('ts-seccomp', '--profile', 'default', '/bin/true')],
  },
  ...filterComparisons(),
  {
    name: 'lsns, 5,000 processes',
    around: () => crowd(5000),
    contenders: [
      original('/usr/bin/lsns'),
      ours('ts-lsns'),
      { who: 'lsns, start alone', argv: ['/usr/bin/lsns', '--help'] },
      { who: 'ts-lsns, start alone', argv: [`${bin}/ts-lsns`, '--list-columns'] },
    ],
  },
  ...overlayComparisons(),
];
