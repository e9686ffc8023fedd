import { OptionError } from '@ts/mounts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIdMapping } from './idmapping.ts';

test('id maps are read back, entry for entry', () => {
  const id = fc.nat(0x7fff_ffff);
  const range = fc.record({ inner: id, outer: id, count: fc.integer({ min: 1, max: 0x7fff_ffff }) });
  const entry = fc.tuple(fc.constantFrom('u:', 'g:', 'b:', ''), range);
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1 }), (entries) => {
      const text = entries.map(([kind, { inner, outer, count }]) => `${kind}${inner}:${outer}:${count}`).join(' ');
      const of = (other: string) => entries.filter(([kind]) => kind !== other).map(([, each]) => each);
      expect(parseIdMapping(text)).toEqual({ users: of('g:'), groups: of('u:') });
    }),
  );
});

test('a file is a file; what is neither is refused', () => {
  expect(parseIdMapping('/proc/1/ns/user')).toEqual({ file: '/proc/1/ns/user' });
  for (const wrong of ['', ' ', '1:2', '1:2:0', '1,2,3', 'x:1:2:3', 'u:1:2:3 4', 'u:-1:2:3', '4294967296:1:1'])
    expect(() => parseIdMapping(wrong), wrong).toThrow(OptionError);
});
