/** From the command line to the plan; images themselves are tested in packages/images and end to end. */
import { parse, type World } from '@ts/cli';
import { expect, test } from 'vitest';
import { tool } from './image.ts';

const FILES: Readonly<Record<string, string>> = {
  '/proc/self/uid_map': '0 0 4294967295\n',
  '/proc/self/status': 'CapEff:\t000001ffffffffff\n',
};

const worldOf = (euid: number, variables: Readonly<Record<string, string>>) =>
  ({
    prog: 'ts-image',
    euid,
    read: (path: string) => FILES[path],
    variable: (name: string) => variables[name],
  }) as unknown as World;

const planned = (words: readonly string[], euid = 0, variables: Readonly<Record<string, string>> = {}) =>
  tool.plan(parse(tool.options, words, tool.grammar), worldOf(euid, variables));

test('what is not asked for', () => {
  expect(planned(['unpack', 'image', 'dir'])).toMatchObject({
    command: 'unpack',
    operands: ['image', 'dir'],
    json: false,
    isRehearsal: false,
    unpack: { maxSize: 64 * 2 ** 30, sameOwner: true, isReplacing: false },
    pack: { compression: 'gzip', latest: undefined, run: {} },
  });
});

test('owners are kept by root, who may leave that', () => {
  expect(planned(['unpack', 'i', 'd'], 1000).unpack.sameOwner).toBe(false);
  expect(planned(['unpack', '--no-same-owner', 'i', 'd']).unpack.sameOwner).toBe(false);
});

test('how the image is run', () => {
  const words = ['--env', 'A=b=c', '--label', 'x=', '--expose', '80', '--expose', '53/udp', '--workdir', '/w'];
  expect(planned(['pack', ...words, 'image', 'layer']).pack.run).toEqual({
    Env: ['A=b=c'],
    Labels: { x: '' },
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    WorkingDir: '/w',
  });
});

test('an image that is made once more is the same: no time but the one that is given', () => {
  const { created, latest } = planned(['pack', '--reproducible', 'i', 'l'], 0, { SOURCE_DATE_EPOCH: '12' }).pack;
  expect({ created, latest }).toEqual({ created: 12, latest: 12 });
});

test.each([
  [[], 'no command: inspect, unpack, pack'],
  [['pack', 'image'], 'there is nothing to pack'],
  [['pack', '--base-name', 'x', 'image', 'layer'], '--base-name needs --base'],
  [['pack', '--env', '=x', 'image', 'layer'], "--env: '=x' is not KEY=VALUE"],
  [['pack', '--workdir', 'w', 'image', 'layer'], 'the folder must begin with /'],
  [['unpack', '--platform', 'linux', 'image', 'dir'], "failed to parse platform: 'linux'"],
  [['inspect', '--devices', 'image'], 'devices'],
  [['inspect', 'one', 'two'], 'usage: ts-image inspect <image>'],
] as const)('%j is refused', (words, message) => {
  expect(() => planned(words)).toThrow(message);
});
