import { describe, expect, test } from 'vitest';
import { type Candidate, choose, digestAs, ImageError, parseDigest, sha256 } from './image.ts';
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
      expect(() => parseDigest(wrong)).toThrow(ImageError);
  });
});

test('references', () => {
  expect(parseReference('oci-archive:a.tar')).toEqual({ transport: 'oci-archive', path: 'a.tar' });
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
