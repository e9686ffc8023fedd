import { LayerError } from '@ts/layers';
import { describe, expect, test } from 'vitest';
import { type Candidate, choose, digestAs, parseDigest, sha256, suits } from './image.ts';
import { runOf } from './pack.ts';
import { parseReference } from './sources.ts';

const candidate = (digest: string, names: readonly string[], architecture?: string): Candidate => ({
  digest,
  names,
  platform: architecture === undefined ? undefined : { os: 'linux', architecture },
  load: () => Promise.reject(new Error('not read')),
});
const AMD64 = { os: 'linux', architecture: 'amd64' };

describe('which image is meant', () => {
  const one = candidate('1', ['debian:12', '12'], 'amd64');
  const other = candidate('2', ['debian:12', '12'], 'arm64');
  const third = candidate('3', ['alpine:3']);

  test('by name, by the end of a name, by platform', () => {
    expect(choose([one, other, third], 'debian:12', AMD64)).toBe(one);
    expect(choose([one, other, third], '12', { os: 'linux', architecture: 'arm64' })).toBe(other);
    expect(choose([third], undefined, AMD64)).toBe(third);
    expect(choose([third, candidate('3', ['again'])], undefined, AMD64)).toBe(third);
  });
  test.each([
    [[], undefined, /there is no image in it/],
    [[one, third], undefined, /there are several images in it/],
    [[one, third], 'nowhere', /there is no image 'nowhere' in it/],
    [[other], undefined, /there is no image for linux\/amd64 in it/],
  ] as const)('%#', (candidates, name, message) => {
    expect(() => choose(candidates, name, AMD64)).toThrow(message);
  });
});

describe('platforms', () => {
  const parse = (text: string) => {
    const [os = '', architecture = '', variant] = text.split('/');
    return { os, architecture, variant };
  };
  test.each([
    ['linux/amd64', 'linux/amd64', 0],
    ['linux/amd64/v1', 'linux/amd64', 0],
    ['linux/amd64', 'linux/amd64/v1', 0],
    ['linux/x86_64', 'linux/amd64', 0],
    ['linux/amd64/v3', 'linux/amd64', undefined],
    ['linux/amd64', 'linux/amd64/v3', 2],
    ['linux/amd64/v2', 'linux/amd64/v3', 1],
    ['linux/amd64/v4', 'linux/amd64/v3', undefined],
    ['linux/arm64', 'linux/arm64/v8', 0],
    ['linux/arm64/v8', 'linux/arm64', 0],
    ['linux/aarch64', 'linux/arm64/8', 0],
    ['linux/arm', 'linux/arm/v7', 0],
    ['linux/arm/7', 'linux/arm', 0],
    ['linux/armhf', 'linux/arm', 0],
    ['linux/arm/v6', 'linux/arm', 1],
    ['linux/arm/v5', 'linux/arm', 2],
    ['linux/arm', 'linux/arm/v6', undefined],
    ['linux/arm/v8', 'linux/arm64', undefined],
    ['windows/amd64', 'linux/amd64', undefined],
    ['linux/riscv64', 'linux/riscv64', 0],
  ])('%s for %s: %s', (has, wanted, rank) => {
    expect(suits(parse(has), parse(wanted))).toBe(rank);
  });

  const of = (digest: string, platform?: string, within?: readonly string[]): Candidate => ({
    ...candidate(digest, ['x']),
    platform: platform === undefined ? undefined : parse(platform),
    within,
  });
  const all = [
    of('v3', 'linux/amd64/v3'),
    of('v2', 'linux/amd64/v2'),
    of('v1', 'linux/amd64'),
    of('arm', 'linux/arm/v6'),
  ];

  test('the best that suits is chosen, in any order', () => {
    for (const list of [all, all.toReversed()]) {
      expect(choose(list, 'x', parse('linux/amd64')).digest).toBe('v1');
      expect(choose(list, 'x', parse('linux/amd64/v2')).digest).toBe('v2');
      expect(choose(list, 'x', parse('linux/amd64/v4')).digest).toBe('v3');
      expect(choose(list, 'x', parse('linux/arm')).digest).toBe('arm');
    }
    expect(choose([of('any')], 'x', parse('linux/arm')).digest).toBe('any');
    expect(() => choose(all, 'x', parse('linux/arm64'))).toThrow(/no image for linux\/arm64/);
  });

  test('a digest is chosen whatever it is for, or says which index is meant', () => {
    expect(choose(all, 'v3', parse('linux/arm')).digest).toBe('v3');
    const two = [of('1', 'linux/amd64', ['a']), of('2', 'linux/amd64', ['b']), of('3', 'linux/arm', ['b'])];
    expect(choose(two, 'b', parse('linux/amd64')).digest).toBe('2');
    expect(() => choose(two, 'c', parse('linux/amd64'))).toThrow(/no image 'c'/);
  });
});

describe('digests', () => {
  test('are part of a path only when they are digests', () => {
    const digest = sha256(Buffer.from('x'));
    expect(parseDigest(digest)).toEqual({ algorithm: 'sha256', hex: digest.slice(7) });
    expect(digestAs(`sha512:${'0'.repeat(128)}`, Buffer.from('x'))).toMatch(/^sha512:a4abd4448c49562d/);
    for (const wrong of [
      '',
      'sha256:',
      `sha256:${'0'.repeat(63)}`,
      `sha256:${'0'.repeat(62)}/.`,
      `md5:${'0'.repeat(32)}`,
      `SHA256:${'0'.repeat(64)}`,
      undefined,
    ])
      expect(() => parseDigest(wrong)).toThrow(LayerError);
  });
});

test('references', () => {
  expect(parseReference('oci-archive:a.tar')).toEqual({ transport: 'oci-archive', path: 'a.tar' });
  expect(parseReference('oci:dir:name:tag')).toEqual({ transport: 'oci', path: 'dir', name: 'name:tag' });
  expect(parseReference('docker-archive:a.tar:x/y:1')).toEqual({
    transport: 'docker-archive',
    path: 'a.tar',
    name: 'x/y:1',
  });
  expect(parseReference('dir:a:b')).toEqual({ transport: 'dir', path: 'a:b' });
  expect(parseReference('constructor:a')).toEqual({ path: 'constructor:a' });
  expect(parseReference('a:b.tar')).toEqual({ path: 'a:b.tar' });
  expect(parseReference('./x')).toEqual({ path: './x' });
  expect(() => parseReference('docker://debian')).toThrow(/local files only/);
  expect(() => parseReference('docker-daemon:debian')).toThrow(/local files only/);
});

test('how it is run: what is said adds to what the base says', () => {
  const base = { Env: ['A=1', 'B=2'], Cmd: ['base'], Entrypoint: ['/e'], Labels: { a: 'b' }, User: 'me' };
  expect(runOf(base, { Env: ['A=3'], Labels: { c: 'd' } })).toEqual({
    Env: ['B=2', 'A=3'],
    Cmd: ['base'],
    Entrypoint: ['/e'],
    Labels: { a: 'b', c: 'd' },
    User: 'me',
  });
  expect(runOf(base, { Entrypoint: ['/new'] })).not.toHaveProperty('Cmd');
  expect(runOf(undefined, {})).toEqual({});
});
