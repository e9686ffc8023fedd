import { expect, test } from 'vitest';
import { LIMIT_NAMES, parseLimit, sizeLimit } from './limits.ts';

test('sizes', () => {
  expect(['500M', '1G', '1.5G', '10k', '4096', '1GiB', '2MB', 'max', 'none'].map(sizeLimit)).toEqual([
    '524288000',
    '1073741824',
    '1610612736',
    '10240',
    '4096',
    '1073741824',
    '2097152',
    'max',
    'max',
  ]);
  for (const wrong of [
    '',
    ' ',
    'M',
    '-1',
    '-10',
    '1.2.3G',
    '5X',
    '1e9',
    '0x10',
    '2 MB',
    ' 1M',
    '1M ',
    'max ',
    '1iB',
    '+5',
  ])
    expect(sizeLimit(wrong), wrong).toBeUndefined();
  expect(sizeLimit('18446744073709551615')).toBe('18446744073709551615');
  for (const huge of ['18446744073709551616', '99999999T', '9'.repeat(1000)]) expect(sizeLimit(huge)).toBeUndefined();
});

test('each limit is a setting of v2', () => {
  const set = (text: string) => {
    const limit = parseLimit(text);
    return 'wrong' in limit ? 'wrong' : `${limit.name}=${limit.value}`;
  };
  expect(['cpu=50%', 'cpu=1.5', 'cpu=0.5%', 'cpu=max', 'cpu=200%'].map(set)).toEqual([
    'cpu.max=50000 100000',
    'cpu.max=150000 100000',
    'cpu.max=5000 1000000',
    'cpu.max=max 100000',
    'cpu.max=200000 100000',
  ]);
  expect(
    ['memory=1G', 'swap=max', 'pids=9', 'cpus=0-1', 'weight=50', 'write-bps=8:0:1M', 'read-iops=8:0:9'].map(set),
  ).toEqual([
    'memory.max=1073741824',
    'memory.swap.max=max',
    'pids.max=9',
    'cpuset.cpus=0-1',
    'cpu.weight=50',
    'io.max=8:0 wbps=1048576',
    'io.max=8:0 riops=9',
  ]);
  for (const wrong of [
    'cpu=fast',
    'cpu=0.01%',
    'memory',
    'nosuch=1',
    'pids=-1',
    'write-bps=sda:1M',
    '=1',
    'cpus=a',
    'constructor=1',
    '__proto__=1',
    'toString=',
    'cpu=1e3',
    'cpu=9999999',
    'weight=0',
    'weight=10001',
    'pids=1e3',
    'pids= 1',
    'pids=99999999999999999999',
  ])
    expect(set(wrong), wrong).toBe('wrong');
  expect(LIMIT_NAMES).toContain('memory');
});
