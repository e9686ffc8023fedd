import { expect, test } from 'vitest';
import { painterOf } from './colors.ts';
import { OBJECTS, usage } from './commands.ts';
import { KINDS, kindUsage } from './kinds/index.ts';
import { options, settingsOf, split } from './settings.ts';
import { mainUsage, objectUsage } from './usage.ts';
import { hardwareFrom, onlyOnce, parseLong } from './words.ts';

const messageOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
};

test('usage names the objects that there are, and no other', () => {
  const text = messageOf(usage);
  expect(text).toMatch(/^Usage: ip \[ OPTIONS \] OBJECT \{ COMMAND \| help \}\n {7}ip \[ -force \] -batch filename\n/);
  const listed = /OBJECT := \{ ([^}]*) \}/.exec(text)?.[1]?.split(/[\s|]+/);
  expect(listed).toEqual(
    [
      'address',
      'help',
      'link',
      'monitor',
      'neighbor',
      'neighbour',
      'netns',
      'nexthop',
      'route',
      'rule',
      'tap',
      'tuntap',
    ].sort(),
  );
  for (const { usage: name } of OBJECTS) if (name) expect(objectUsage(name)).toMatch(/^Usage:\s+ip /);
});

test('a long list is parted into lines', () => {
  const names = Array.from({ length: 30 }, (_, index) => `object${index}`);
  const [list = ''] = mainUsage(names).split(' OPTIONS :=');
  const lines = list.split('\n');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  for (const name of names) expect(lines.join(' ')).toMatch(new RegExp(`\\b${name}\\b`));
});

test('usage of kinds comes from their tables', () => {
  expect(kindUsage('bridge')?.split('\n').slice(0, 3)).toEqual([
    'Usage: ... bridge [ fdb_flush ]',
    '\t\t  [ forward_delay FORWARD_DELAY ]',
    '\t\t  [ hello_time HELLO_TIME ]',
  ]);
  expect(kindUsage('bridge')).toContain('[ mcast_hash_max HASH_MAX ]');
  expect(kindUsage('vrf')).toBe('Usage: ... vrf table TABLEID\n');
  expect(kindUsage('vlan')).toContain('Usage: ... vlan id VLANID\n\t\t[ protocol VLANPROTO ]\n');
  expect(kindUsage('vxlan')).toContain('[ [no]vnifilter ]');
  expect(kindUsage('nosuch')).toBeUndefined();
  expect(kindUsage('constructor')).toBeUndefined();
  for (const name of Object.keys(KINDS)) expect(kindUsage(name)).toMatch(new RegExp(`^Usage:\\s.*\\b${name}\\s`));
});

test('hardware addresses: numbers of any digits, or an IPv4 address; else the part that is none is named', () => {
  const hex = (text: string) => Buffer.from(hardwareFrom(text)).toString('hex');
  expect(hex('02:42:ac:11:001:37')).toBe('0242ac110137');
  expect(hex('0x2:A')).toBe('020a');
  expect(hex('10.0.0.1')).toBe('0a000001');
  expect(messageOf(() => hardwareFrom('1:zz:3'))).toBe('"zz" is invalid lladdr.');
  expect(messageOf(() => hardwareFrom('1:100'))).toBe('"100" is invalid lladdr.');
  expect(messageOf(() => hardwareFrom('1.2.3.4.5'))).toBe('"1.2.3.4.5" is invalid lladdr.');
  for (const text of ['', '1:', '-1', '1x', 'f'.repeat(300)]) expect(() => hardwareFrom(text)).toThrow('lladdr');
});

test('numbers of 64 bits', () => {
  expect(['0', '0x10', '010', ' +7', '18446744073709551615', '-1'].map(parseLong)).toEqual([
    ...[0n, 16n, 8n, 7n, 2n ** 64n - 1n, 2n ** 64n - 1n],
  ]);
  for (const text of ['', '0x', '1e3', '99999999999999999999', '08', '1 ']) expect(parseLong(text)).toBeUndefined();
});

test('a second value, and one that is missing', () => {
  expect(messageOf(() => onlyOnce(undefined, 'mtu', '5'))).toBe('nothing');
  expect(messageOf(() => onlyOnce(7, 'mtu', '5'))).toBe('Error: duplicate "mtu": "5" is the second value.');
  expect(messageOf(() => onlyOnce(7, 'mtu', undefined))).toMatch(/^Command line is not complete/);
});

test('colors: always, never, and NO_COLOR where nothing is said', () => {
  const none = () => undefined;
  expect(painterOf('always', none)('name', 'lo')).toBe('\x1b[36mlo\x1b[0m');
  expect(painterOf('always', (name) => (name === 'COLORFGBG' ? '15;0' : undefined))('up', 'UP')).toBe(
    '\x1b[1;32mUP\x1b[0m',
  );
  expect(painterOf('always', none)(undefined, 'x')).toBe('x');
  expect(painterOf('never', none)('name', 'lo')).toBe('lo');
  expect(painterOf(undefined, () => '1')('name', 'lo')).toBe('lo');
});

test('options: colors, and arguments that are missing', () => {
  const settings = (...words: string[]) => settingsOf(split(options, words).steps);
  expect(settings('-c').color).toBe('always');
  expect(settings('-colo=never').color).toBe('never');
  expect(settings('link').color).toBeUndefined();
  expect(messageOf(() => settings('-color=x'))).toBe('Option "-color=x" is unknown, try "ip -help".');
  expect(messageOf(() => settings('-l'))).toBe('Error: argument "loop count" is required');
  expect(messageOf(() => settings('-rc', 'x'))).toBe("Invalid rcvbuf size 'x'");
  expect([settings('-l', '7x').loops, settings('-l', 'x').loops, settings('-l', '1e3').loops]).toEqual([7, 0, 1]);
  expect(split(options, ['-help', 'x']).operands).toEqual(['help']);
});
