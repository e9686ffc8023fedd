import { formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { LandlockError, parseAccess, parseRule, restrictionOf } from './request.ts';
import { openRules, restrict } from './restrict.ts';

const newest = { version: 10, bestEffort: false };
const oldest = { version: 1, bestEffort: false };
const withLess = { version: 1, bestEffort: true };

describe('accesses', () => {
  test.each([
    ['fs', newest, 'fs', 0x1ffff],
    ['fs:', newest, 'fs', 0x1ffff],
    ['fs', { version: 7, bestEffort: false }, 'fs', 0xffff],
    ['fs', oldest, 'fs', 0x1fff],
    ['fs:read-file,truncate', newest, 'fs', 0x4004],
    ['net', { version: 4, bestEffort: false }, 'net', 3],
    // Abbreviated: the first one that begins so.
    ['fs:exec,truncat', newest, 'fs', 0x4001],
    ['fs:read', newest, 'fs', 4],
    ['fs:make', oldest, 'fs', 0x40],
    ['net:bind-udp', newest, 'net', 4],
    ['scope:signal', newest, 'scope', 2],
    ['fs:read-file,truncate', withLess, 'fs', 4],
    ['net', withLess, 'net', 0],
  ] as const)('%s on %j', (text, abilities, category, bits) => {
    expect(parseAccess(text, abilities)).toEqual({ category, bits });
  });

  test.each([
    ['', newest, 'invalid Landlock access: '],
    ['file', newest, 'invalid Landlock access: file'],
    ['fs:READ', newest, 'could not parse Landlock fs access: READ'],
    ['fs:read-filex', newest, 'could not parse Landlock fs access: read-filex'],
    ['fs:,read', newest, 'could not parse Landlock fs access: ,read'],
    ['net:bind', newest, 'could not parse Landlock net access: bind'],
    ['scope:s', newest, 'could not parse Landlock scope restriction: s'],
    ['f', newest, 'invalid Landlock access: f'],
    ['fs:read-file,', newest, 'could not parse Landlock fs access: read-file,'],
    ['fs:truncate', oldest, 'Landlock fs access right is not supported by the running kernel: truncate'],
    ['net', oldest, 'Landlock net is not supported'],
    ['scope:signal', oldest, 'Landlock scope restriction is not supported by the running kernel: signal'],
  ] as const)('%j is refused', (text, abilities, message) => {
    expect(() => parseAccess(text, abilities)).toThrow(message);
  });
});

describe('rules', () => {
  test.each([
    ['path-beneath:read-file,execute:/usr', { kind: 'path', rights: 5, path: '/usr' }],
    ['path-beneath::/a:b', { kind: 'path', rights: undefined, path: '/a:b' }],
    ['net-port:bind-tcp:80', { kind: 'port', rights: 1, port: 80 }],
    ['net-port::0', { kind: 'port', rights: undefined, port: 0 }],
  ])('%s', (text, rule) => expect(parseRule(text, newest)).toEqual(rule));

  test.each([
    '',
    'path-beneath',
    'path-beneath:read-file',
    'path:read-file:/',
    'net-port:bind-tcp:x',
    'net-port::65536',
    'net-port::',
    'net-port:: ',
    'net-port::-1',
    'net-port::1e3',
    'net-port::0x50',
  ])('%j is refused', (text) => expect(() => parseRule(text, newest)).toThrow(LandlockError));
});

describe('a restriction', () => {
  test('a rule without names allows all that is restricted', () => {
    expect(
      restrictionOf(['fs:execute,read-file', 'net:bind-tcp'], ['path-beneath::/usr', 'net-port::8'], newest),
    ).toEqual({
      fs: 5,
      net: 1,
      scope: 0,
      rules: [
        { kind: 'path', rights: 5, path: '/usr' },
        { kind: 'port', rights: 1, port: 8 },
      ],
    });
  });

  test('an older kernel makes a rule smaller, never larger', () => {
    expect(restrictionOf(['fs', 'net'], ['path-beneath:truncate:/tmp', 'net-port:bind-tcp:80'], withLess)).toEqual({
      fs: 0x1fff,
      net: 0,
      scope: 0,
      rules: [],
    });
  });

  test('nothing', () => {
    expect(restrictionOf([], [], newest)).toBeUndefined();
    expect(restrictionOf(['net'], [], withLess)).toBeUndefined();
  });

  test.each([
    [[], ['path-beneath::/'], /requires a filesystem access/],
    [['fs'], ['net-port::80'], /requires a network access/],
    [['fs:execute'], ['path-beneath:read-file:/'], /allows what is not restricted/],
  ] as const)('%j with %j is refused', (accesses, rules, message) => {
    expect(() => restrictionOf(accesses, rules, newest)).toThrow(message);
  });
});

test('calls: paths are opened first', () => {
  const sys = recording(1, true);
  const restriction = restrictionOf(['fs', 'net', 'scope'], ['path-beneath:read-file:/usr', 'net-port::80'], newest);
  if (!restriction) throw new TypeError('something is restricted');
  const rules = openRules(sys, restriction.rules);
  restrict(sys, restriction, rules, 4, 127);
  expect(formatTape(sys.finish())).toMatchSnapshot();
});
