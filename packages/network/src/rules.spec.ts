/** Ports and names as texts. */
import { Failure } from '@ts/sys';
import { expect, test } from 'vitest';
import { hostName } from './connect.ts';
import { formatPublication, parsePublication, parsePublications, takesPort } from './rules.ts';

test('published ports', () => {
  for (const text of ['8080:80/tcp', '10.0.0.1:53:5353/udp', '[fd00::1]:1:2/sctp'])
    expect(formatPublication(parsePublication(text))).toBe(text);
  expect(formatPublication(parsePublication('80'))).toBe('80:80/tcp');
  expect(parsePublications('0.0.0.0:9000-9002:80-82/udp').map(formatPublication)).toEqual([
    '9000:80/udp',
    '9001:81/udp',
    '9002:82/udp',
  ]);
  for (const text of [
    ...['0:80', '80:65536', 'x', '80:80/icmp', '1.2.3:80:80:80', '80:80/constructor', '80-:80', '-80', '8-7', '1-2-3'],
    ...['80-81:80', '1-2000', '127.0.0.1:80', '127.1.2.3:9000:80/tcp', '[::1]:80:80', '1e3', ''],
  ])
    expect(() => parsePublications(text), text).toThrow(Failure);
});

test('the host’s end has a name of 15 bytes at most, always the same', () => {
  expect(hostName('c1')).toBe('ve-c1');
  const long = hostName('a-namespace-with-a-long-name');
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(15);
  expect(hostName('a-namespace-with-a-long-name')).toBe(long);
  expect(hostName('a-namespace-with-a-long-name2')).not.toBe(long);
});

test.each([
  ['8080:80', '8080:81/tcp', true],
  ['8080:80', '8080:80/udp', false],
  ['8080:80', '8081:80', false],
  // Every address of the host, and one of them.
  ['10.0.0.1:8080:80', '8080:80', true],
  ['8080:80', '10.0.0.1:8080:80', true],
  ['10.0.0.1:8080:80', '10.0.0.1:8080:81', true],
  ['10.0.0.1:8080:80', '10.0.0.2:8080:80', false],
  ['[fd00::1]:8080:80', '[fd00:0::1]:8080:80', true],
])('a port that is taken: %s, wanted %s: %s', (taken, wanted, isTaken) => {
  const comment = `publish c1 ${formatPublication(parsePublication(taken))} to 10.1.0.2`;
  expect(takesPort(comment, parsePublication(wanted))).toBe(isTaken);
});
