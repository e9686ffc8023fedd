import { describe, expect, test } from 'vitest';
import { ownsNamespace, whyNoProc } from './refusals.ts';

const ROOT = '1 0 0:1 / / rw - ext4 /dev/a rw\n';
const PROC = '2 1 0:2 / /proc rw,nosuid - proc proc rw\n';

describe('why proc cannot be mounted', () => {
  test('the PID namespace is another’s', () => {
    expect(whyNoProc(false, ROOT + PROC)).toMatch(/owner of the PID namespace: .*--pid --fork/);
    expect(whyNoProc(false, undefined)).toMatch(/owner of the PID namespace/);
  });

  test.each([
    ['a masked file', `${PROC}3 2 0:3 /null /proc/keys rw - devtmpfs d rw\n`, /covered \(\/proc\/keys\)/],
    [
      'several',
      `${PROC}${['keys', 'kcore', 'acpi', 'scsi', 'bus'].map((name, index) => `${index + 3} 2 0:3 / /proc/${name} rw - tmpfs t rw\n`).join('')}`,
      /covered \(\/proc\/keys, \/proc\/kcore, \/proc\/acpi and 2 more\)/,
    ],
    ['a read-only one', '2 1 0:2 / /proc ro,nosuid - proc proc rw\n', /\/proc is read-only/],
    ['processes alone', '2 1 0:2 / /proc rw - proc proc rw,subset=pid\n', /and none is here/],
    ['a part of it', '2 1 0:2 /self /proc/self rw - proc proc rw\n', /and none is here/],
  ])('%s', (_, mounts, words) => {
    expect(whyNoProc(true, ROOT + mounts)).toMatch(words);
    // Another one that is whole is enough.
    expect(whyNoProc(true, `${ROOT}${mounts}9 1 0:2 / /other rw - proc proc rw\n`)).toBeUndefined();
  });

  test.each([
    ['a whole /proc is seen', true, ROOT + PROC],
    ['an empty directory is covered', true, `${ROOT}${PROC}3 2 0:9 / /proc/sys/fs/binfmt_misc rw - binfmt_misc b rw\n`],
    ['the table of mounts cannot be read', true, undefined],
    ['in a chroot', true, '3 2 0:3 /null /proc/keys rw - devtmpfs d rw\n'],
    ['whose the PID namespace is cannot be known', undefined, `${ROOT}`],
  ] as const)('nothing is said where %s', (_, owns, mountinfo) => {
    expect(whyNoProc(owns, mountinfo)).toBeUndefined();
  });
});

test('of what is no namespace nothing is known', () => {
  expect(ownsNamespace('nothing')).toBeUndefined();
  expect([true, false]).toContain(ownsNamespace('uts'));
});
