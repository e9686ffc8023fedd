import { expect, test } from 'vitest';
import { humanSize, readStatistics } from './statistics.ts';
import { usageBetween } from './survey.ts';

const world = (files: Readonly<Record<string, string>>) => ({
  read: (path: string) => files[path],
  exists: (path: string) => path in files,
});

test('of v2, in one folder', () => {
  const statistics = readStatistics(
    [{ directory: '/g' }],
    world({
      '/g/cpu.stat':
        'usage_usec 900\nuser_usec 600\nsystem_usec 300\nnr_periods 5\nnr_throttled 2\nthrottled_usec 70\n',
      '/g/memory.peak': '4096\n',
      '/g/memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n',
      '/g/io.stat': '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=0 rios=1 wios=0\n',
      '/g/pids.peak': '7\n',
      '/g/memory.pressure':
        'some avg10=0.00 avg60=0.00 avg300=0.00 total=55\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=44\n',
    }),
  );
  expect(statistics).toEqual({
    cpuUsec: 900,
    userUsec: 600,
    systemUsec: 300,
    throttledPeriods: 2,
    throttledUsec: 70,
    memory: null,
    peakMemory: 4096,
    oomKills: 1,
    memoryLimitHits: 3,
    io: { readBytes: 15, writtenBytes: 20, reads: 2, writes: 2 },
    tasks: null,
    peakTasks: 7,
    stalledUsec: { cpu: null, memory: { some: 55, full: 44 }, io: null },
  });
});

test('of v1, in a folder a hierarchy: ns as µs', () => {
  const statistics = readStatistics(
    [{ directory: '/cpu' }, { directory: '/cpuacct' }, { directory: '/memory' }, { directory: '/blkio' }],
    world({
      '/cpu/cpu.stat': 'nr_periods 5\nnr_throttled 2\nthrottled_time 70000\n',
      '/cpuacct/cpuacct.usage': '900000\n',
      '/memory/memory.max_usage_in_bytes': '4096\n',
      '/memory/memory.failcnt': '3\n',
      '/memory/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
      '/blkio/blkio.throttle.io_service_bytes': '8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n',
      '/blkio/blkio.throttle.io_serviced': '8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n',
    }),
  );
  expect(statistics).toMatchObject({
    cpuUsec: 900,
    throttledPeriods: 2,
    throttledUsec: 70,
    peakMemory: 4096,
    oomKills: 1,
    memoryLimitHits: 3,
    io: { readBytes: 10, writtenBytes: 20, reads: 1, writes: 2 },
  });
});

test('rates are differences by time; a new group has none', () => {
  const nothing = readStatistics([], world({}));
  const at = (path: string, ms: number, cpuUsec: number | null) => ({
    path,
    at: ms,
    statistics: { ...nothing, cpuUsec },
  });
  const usages = usageBetween(
    [at('/a', 1000, 500_000), at('/gone', 1000, 1)],
    [at('/a', 3000, 1_500_000), at('/new', 3000, 9)],
  );
  expect(usages.map(({ path, cpuPercent }) => [path, cpuPercent])).toEqual([
    ['/a', 50],
    ['/new', null],
  ]);
});

test('sizes for people', () => {
  expect([0, 1023, 1024, 1536, 5 * 2 ** 20, 300 * 2 ** 30].map(humanSize)).toEqual([
    '0',
    '1023',
    '1.0K',
    '1.5K',
    '5.0M',
    '300G',
  ]);
});
