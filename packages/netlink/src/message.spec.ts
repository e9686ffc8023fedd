import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { encodeAttributes, string, u32 } from './attribute.ts';
import { acknowledgement, done, NetlinkError } from './error.ts';
import { encodeMessage, format, messagesIn } from './message.ts';

const FORMAT = format({ family: 'u8', index: 's32' }, { name: [3, string] });
const TEXT = { text: [1, string], offset: [2, u32] } as const;

describe('messages', () => {
  test('several in a datagram, each at a multiple of four bytes', () => {
    const first = { type: 16, flags: 5, sequence: 1, body: FORMAT.encode({ index: -1 }, { name: 'a' }) };
    const second = { type: 17, flags: 0, sequence: 2, body: Buffer.from([1, 2, 3]) };
    const found = [...messagesIn(Buffer.concat([encodeMessage(first), encodeMessage(second)]))];
    expect(found).toEqual([first, second]);
    expect(FORMAT.decode(found[0]?.body as Buffer)).toEqual({ family: 0, index: -1, name: 'a' });
  });

  test('a length that does not fit', () => {
    const bytes = encodeMessage({ type: 1, flags: 0, sequence: 1, body: Buffer.alloc(4) });
    bytes.writeUInt32LE(400);
    expect(() => [...messagesIn(bytes)]).toThrow(RangeError);
    bytes.writeUInt32LE(4);
    expect(() => [...messagesIn(bytes)]).toThrow(RangeError);
  });
});

describe('answers', () => {
  const answer = (errno: number, flags: number, ...parts: Buffer[]) => {
    const code = Buffer.alloc(4);
    code.writeInt32LE(-errno);
    return { type: NLMSG_ERROR, flags, sequence: 1, body: Buffer.concat([code, ...parts]) };
  };
  const header = (length: number) => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(length);
    return bytes;
  };

  test('an acknowledgement, an error, an error in words', () => {
    const words = encodeAttributes(TEXT, { text: 'Device does not exist', offset: 36 });
    expect(acknowledgement(answer(0, NLM_F_CAPPED, header(40)))).toEqual({ errno: 0 });
    expect(acknowledgement(answer(17, 0, header(16)))).toEqual({ errno: 17 });
    expect(acknowledgement(answer(22, NLM_F_CAPPED | NLM_F_ACK_TLVS, header(40), words))).toEqual({
      errno: 22,
      text: 'Device does not exist',
      offset: 36,
    });
    // Not capped: the whole request stands in between.
    expect(acknowledgement(answer(22, NLM_F_ACK_TLVS, header(22), Buffer.alloc(8), words)).text).toBe(
      'Device does not exist',
    );
  });

  test('the end of a dump', () => {
    const words = encodeAttributes(TEXT, { text: 'no' });
    expect(done({ ...answer(2, NLM_F_ACK_TLVS, words), type: NLMSG_DONE })).toEqual({ errno: 2, text: 'no' });
    expect(done({ type: NLMSG_DONE, flags: 0, sequence: 1, body: Buffer.alloc(0) })).toEqual({ errno: 0 });
  });

  test('as an error: the kernel’s words, or RTNETLINK answers', () => {
    expect(new NetlinkError({ errno: 17 }, 'link add')).toMatchObject({
      code: 'EEXIST',
      context: 'RTNETLINK answers',
      status: 2,
    });
    expect(new NetlinkError({ errno: 22, text: 'why' }, 'link add').message).toBe('link add (why): Invalid argument');
  });
});
