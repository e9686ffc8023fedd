import { expect, test } from 'vitest';
import { madeUpWorld } from '../testing/world.ts';
import { type Cause, explain } from './causes.ts';

const causes: readonly Cause[] = [
  { of: 'call', errors: ['EPERM', 'EINVAL'], probe: ([word]) => (word === 'no' ? undefined : `first ${word}`) },
  { of: 'call', errors: ['EPERM'], probe: () => 'second' },
];
const why = (subject: string, error: string, files: Readonly<Record<string, string>> = {}) =>
  explain(causes, subject, error, madeUpWorld({ read: (path) => files[path] }));

test('the first that is confirmed, of its subject and error', () => {
  expect(why('call a', 'EPERM')).toBe('first a');
  expect(why('call no', 'EPERM')).toBe('second');
  expect(why('call no', 'EINVAL')).toBeUndefined();
  expect(why('call a', 'ENOENT')).toBeUndefined();
  expect(why('other a', 'EPERM')).toBeUndefined();
});

const LABEL = '/proc/self/attr/current';
const ENFORCE = '/sys/fs/selinux/enforce';

test.each([
  [{ '/proc/self/status': 'Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n' }, /seccomp filter/],
  [{ [LABEL]: 'docker-default (enforce)\n' }, /AppArmor.*\(docker-default \(enforce\)\)/],
  [{ [LABEL]: 'a//&b (kill)' }, /AppArmor/],
  [{ [LABEL]: 'system_u:system_r:container_t:s0\0', [ENFORCE]: '1' }, /SELinux/],
] as const)('whoever else may refuse is named, and nothing else is claimed: %j', (files, words) => {
  expect(why('call a', 'EPERM', files)).toMatch(words);
  expect(why('call a', 'EINVAL', files)).toBe('first a');
  expect(why('other', 'EPERM', files)).toBeUndefined();
});

test.each([
  { '/proc/self/status': 'Seccomp:\t0\nSeccomp_filters:\t0\n' },
  { '/proc/self/status': 'Seccomp:\t1\nSeccomp_filters:\t2\n' },
  { [LABEL]: 'unconfined\n' },
  { [LABEL]: 'some-profile (complain)\n' },
  { [LABEL]: 'unconfined_u:unconfined_r:unconfined_t:s0', [ENFORCE]: '1' },
  { [LABEL]: 'system_u:system_r:container_t:s0', [ENFORCE]: '0' },
] as Readonly<Record<string, string>>[])('nobody else does: %j', (files) =>
  expect(why('call a', 'EPERM', files)).toBe('first a'),
);
