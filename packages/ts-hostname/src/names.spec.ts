import { describe, expect, test } from 'vitest';
import { hostEntry, isHostName, nameInFile, nameOfAddress } from './names.ts';

describe('host names', () => {
  test.each(['box', 'a', 'A1.example.org', 'x-y', '1'])('%j is one', (name) => expect(isHostName(name)).toBe(true));
  test.each(['', 'a b', 'a_b', '-a', 'a-', '.a', 'a.', 'a..b', 'a-.b', 'é'])('%j is none', (name) =>
    expect(isHostName(name)).toBe(false),
  );
});

test.each([
  ['# comment\n\n  my-host  \nsecond\n', 'my-host'],
  ['box', 'box'],
  ['# comment\n', ''],
  ['', ''],
  ['\0\nbox\0y\n', 'box'],
  ['\tbox\t\r\n', 'box'],
])('the name in %j is %j', (text, name) => expect(nameInFile(text)).toBe(name));

test('a hosts file: the first name of a line is the long one, addresses come from all lines', () => {
  const hosts = '127.0.0.1 localhost\n# 10.0.0.9 box\n10.0.0.1\tbox.example.org box b # comment\nfd00::1 box\n';
  expect(hostEntry(hosts, 'BOX')).toEqual({
    addresses: ['10.0.0.1', 'fd00::1'],
    names: ['box.example.org', 'box', 'b'],
  });
  expect(hostEntry(hosts, 'comment')).toBeUndefined();
  expect(nameOfAddress(hosts, '10.0.0.1')).toBe('box.example.org');
  expect(nameOfAddress(hosts, 'fd00::1')).toBe('box');
  expect(nameOfAddress(hosts, '10.0.0.9')).toBeUndefined();
});
