import { formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { currentLabel, isRunning, labelNextExec, whyNot } from './exec.ts';
import { labelFor } from './tree.ts';

const host = (files: Readonly<Record<string, string>>) => ({
  exists: (path: string) => Object.keys(files).some((name) => name === path || name.startsWith(`${path}/`)),
  read: (path: string) => files[path],
});

const selinux = host({
  '/sys/fs/selinux/enforce': '1',
  '/proc/self/attr/current': 'u:r:t:s0\0',
  '/sys/kernel/security/lsm': 'capability,selinux',
  // Compiled in, but not on.
  '/proc/self/attr/apparmor/current': '',
  '/sys/module/apparmor/parameters/enabled': 'N\n',
});
const apparmor = host({
  '/sys/module/apparmor/parameters/enabled': 'Y\n',
  '/proc/self/attr/apparmor/current': 'box (enforce)\n',
  '/proc/self/attr/apparmor/exec': '',
});
const older = host({ '/sys/kernel/security/apparmor/profiles': '', '/proc/self/attr/current': 'unconfined\n' });
const neither = host({ '/sys/kernel/security/lsm': 'capability,landlock\n' });

test('which module runs, and as what we run', () => {
  const rows = [selinux, apparmor, older, neither].map((each) =>
    (['SELinux', 'AppArmor'] as const).map((module) => [isRunning(module, each), currentLabel(module, each)]),
  );
  expect(rows).toEqual([
    [
      [true, 'u:r:t:s0'],
      [false, undefined],
    ],
    [
      [false, undefined],
      [true, 'box (enforce)'],
    ],
    [
      [false, undefined],
      [true, 'unconfined'],
    ],
    [
      [false, undefined],
      [false, undefined],
    ],
  ]);
});

test('why there is no label to be had', () => {
  expect(whyNot('SELinux', selinux)).toBeUndefined();
  expect(whyNot('SELinux', neither)).toMatch(/modules of this kernel are capability,landlock; .*selinux=1/);
  expect(whyNot('AppArmor', host({}))).toMatch(/the kernel must have it/);
});

describe('calls', () => {
  const tape = (...rest: [Parameters<typeof labelNextExec>[1], string, Parameters<typeof labelNextExec>[3]]) => {
    const sys = recording(1, true);
    labelNextExec(sys, ...rest, 127);
    return formatTape(sys.finish());
  };
  test('SELinux', () => expect(tape('SELinux', 'u:r:t:s0', selinux)).toMatchSnapshot());
  test('AppArmor', () => expect(tape('AppArmor', 'box', apparmor)).toMatchSnapshot());
  test('AppArmor before Linux 5.8', () => expect(tape('AppArmor', 'box', older)).toMatchSnapshot());
});

test('a type takes its place in the label that a file has; a whole label replaces it', () => {
  expect(labelFor('a_t', 'u:r:old_t:s0:c1,c2')).toBe('u:r:a_t:s0:c1,c2');
  expect(labelFor('a_t', 'u:r:old_t')).toBe('u:r:a_t');
  expect(labelFor('a_t', undefined)).toBe('system_u:object_r:a_t:s0');
  expect(labelFor('u:r:a_t:s0', 'x:y:z:s1')).toBe('u:r:a_t:s0');
});
