import { expect, test } from 'vitest';
import { CAPABILITY_MEANINGS, capabilitiesAbout, explainCapability } from './meanings.ts';
import { CAPABILITY_NAMES } from './names.ts';

test('every capability is explained, in their order', () => {
  expect(Object.keys(CAPABILITY_MEANINGS)).toEqual([...CAPABILITY_NAMES]);
});

test('an explanation is a paragraph', () => {
  expect(explainCapability(5)).toBe(
    'cap_kill (5) [/proc/self/status:CapXXX: 0x0000000000000020]\n\n    Send signals to processes of other users.\n',
  );
  expect(explainCapability(41)).toBe('<unsupported> (41) [/proc/self/status:CapXXX: 0x0000020000000000]\n');
});

test('capabilities are found by what they are about', () => {
  expect(capabilitiesAbout('CHROOT')).toEqual([18]);
  expect(capabilitiesAbout('no such thing')).toEqual([]);
  expect(capabilitiesAbout('')).toHaveLength(CAPABILITY_NAMES.length);
});
