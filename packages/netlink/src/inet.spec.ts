import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAddress,
  formatHardware,
  formatPrefix,
  masked,
  type Prefix,
  parseAddress,
  parseHardware,
  parsePrefix,
} from './inet.ts';

describe('addresses', () => {
  test.each([
    ['10', '10.0.0.0'],
    ['10.1', '10.1.0.0'],
    ['192.168.77.1', '192.168.77.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0::7', 'fd00::7'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
  ])('%s is %s', (text, shown) => expect(formatAddress(parseAddress(text)?.bytes as Uint8Array)).toBe(shown));

  test.each([
    '',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.x',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '1..2',
  ])('%j is none', (text) => expect(parseAddress(text)).toBeUndefined());

  test('the way there and back, as inet_ntop(3) writes it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text);
        expect(address).toBeDefined();
        const shown = formatAddress((address as Prefix).bytes);
        expect(text.includes(':') ? isIPv6(shown) : isIPv4(shown)).toBe(true);
        expect(parseAddress(shown)).toEqual(address);
        if (text.includes(':') && !shown.includes('.')) expect(new URL(`http://[${text}]`).hostname).toBe(`[${shown}]`);
      }),
    );
  });
});

test('prefixes: lengths and masks', () => {
  expect(formatPrefix(parsePrefix('10.1.2.3/255.255.240.0') as Prefix)).toBe('10.1.2.3/20');
  expect(parsePrefix('10.0.0.1')?.length).toBe(32);
  for (const text of ['10.0.0.1/33', '10.0.0.1/x', '10.0.0.1/255.0.255.0', 'fd00::/129', '10.0.0.1/'])
    expect(parsePrefix(text)).toBeUndefined();
});

test('host bits', () => {
  const { bytes } = parseAddress('192.168.77.5') as Prefix;
  expect([0, 20, 24, 31, 32].map((length) => formatAddress(masked(bytes, length, 0)))).toEqual([
    '0.0.0.0',
    '192.168.64.0',
    '192.168.77.0',
    '192.168.77.4',
    '192.168.77.5',
  ]);
  expect(formatAddress(masked(bytes, 20, 1))).toBe('192.168.79.255');
});

test('hardware addresses', () => {
  expect(formatHardware(parseHardware('1:2:3:a:B:ff') as Uint8Array)).toBe('01:02:03:0a:0b:ff');
  expect(parseHardware('1:2:x')).toBeUndefined();
});
