import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeMask, formatCapabilityList, parseCapabilityList, parseMask, UnknownCapability } from './list.ts';
import { bit, CAPABILITY_NAMES, capabilityNumber, members, nearestCapability } from './names.ts';

const COUNT = CAPABILITY_NAMES.length;
const toSet = (numbers: readonly number[]) => numbers.reduce((set, each) => set | bit(each), 0n);

test('names stand at their numbers', () => {
  expect([0, 5, 13, 21, 31, 40].map((number) => CAPABILITY_NAMES[number])).toEqual([
    'cap_chown',
    'cap_kill',
    'cap_net_raw',
    'cap_sys_admin',
    'cap_setfcap',
    'cap_checkpoint_restore',
  ]);
  expect(CAPABILITY_NAMES.length).toBe(41);
});

test.each([
  ['cap_kill', 5],
  ['CAP_Kill', 5],
  ['5', 5],
  ['0x29', 41],
  ['010', 8],
  ['63', 63],
  ['64', undefined],
  ['08', undefined],
  ['kill', undefined],
  ['', undefined],
])('%j is capability %s', (text, number) => expect(capabilityNumber(text)).toBe(number));

test.each([
  ['cap_net_rew', 'cap_net_raw'],
  ['net_raw', 'cap_net_raw'],
  ['CAP_SYSADMIN', 'cap_sys_admin'],
  ['cap_nothing_of_the_kind', undefined],
])('%j may have meant %s', (text, name) => expect(nearestCapability(text)).toBe(name));

describe('lists', () => {
  test('in their order, empty words passed over', () => {
    expect(parseCapabilityList('cap_net_raw,,cap_kill,', COUNT)).toEqual([13, 5]);
    expect(parseCapabilityList('', COUNT)).toEqual([]);
  });
  test('all is what the kernel has', () => expect(parseCapabilityList('all', 3)).toEqual([0, 1, 2]));
  test('an unknown word is named', () => {
    expect(() => parseCapabilityList('cap_kill,cap_foo', COUNT)).toThrow(new UnknownCapability('cap_foo'));
    expect(() => parseCapabilityList('cap_kill,all', COUNT)).toThrow(UnknownCapability);
  });
  test('any set becomes a list and a set again', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (set) => {
        expect(toSet(parseCapabilityList(formatCapabilityList(set), COUNT))).toBe(set);
        expect(toSet(members(set))).toBe(set);
      }),
    );
  });
});

describe('masks', () => {
  test.each([
    ['3', 3n],
    ['0x3', 3n],
    [' 3g', 3n],
    ['xyz', 0n],
    ['', 0n],
    ['-1', 2n ** 64n - 1n],
    ['fffffffffffffffff', 2n ** 64n - 1n],
    ['00000000a80425fb', 0xa80425fbn],
  ])('%j', (text, mask) => expect(parseMask(text)).toBe(mask));

  test('the default capabilities of container engines', () => {
    expect(describeMask(parseMask('00000000a80425fb'))).toBe(
      '0x00000000a80425fb=cap_chown,cap_dac_override,cap_fowner,cap_fsetid,cap_kill,cap_setgid,cap_setuid,cap_setpcap,cap_net_bind_service,cap_net_raw,cap_sys_chroot,cap_mknod,cap_audit_write,cap_setfcap',
    );
  });
});
