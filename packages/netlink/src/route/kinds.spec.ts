import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeAttributes, type Schema } from '../attribute.ts';
import { BRIDGE, KINDS, MACVLAN, VLAN, VXLAN } from './kinds.ts';
import { kindData } from './link.ts';

test('what is encoded is decoded', () => {
  const round = <S extends Schema>(schema: S, values: Parameters<typeof encodeAttributes<S>>[1]) =>
    expect(kindData(schema, encodeAttributes(schema, values))).toEqual(values);
  round(BRIDGE, { fdbMaxLearned: 7, switches: { values: 4, mask: 4 }, multicastQueryInterval: 2n ** 64n - 1n });
  round(VLAN, {
    id: 5,
    egressQos: [
      { from: 1, to: 2 },
      { from: 3, to: 4 },
    ],
  });
  round(MACVLAN, { broadcastLimit: -1, addressMode: 3, addresses: [Buffer.from([2, 0, 0, 0, 0, 1])] });
  round(VXLAN, { reservedBits: 0x1234n, localBypass: 0 });
});

test('bytes that are none end in a RangeError, in time that their number bounds', () => {
  for (const schema of Object.values(KINDS) as Schema[])
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          kindData(schema, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 300 },
    );
});

test('a message that is cut off anywhere', () => {
  const whole = encodeAttributes(BRIDGE, {
    forwardDelay: 1,
    groupAddress: Buffer.alloc(6),
    multicastQueryInterval: 5n,
  });
  for (let length = 0; length < whole.length; length++)
    try {
      expect(Object.keys(kindData(BRIDGE, whole.subarray(0, length))).length).toBeLessThan(3);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
});
