import { describe, expect, test } from 'vitest';
import { groupIn, userIn } from './world.ts';

describe('accounts', () => {
  const PASSWD = [
    '# a comment',
    'joe:x:4294967296:100::/:/bin/sh',
    'all:x:4294967295:100::/:/bin/sh',
    'none:x::100::/:/bin/sh',
    'blank:x: 0:0::/:/bin/sh',
    'hex:x:0x0:0::/:/bin/sh',
    'power:x:1e0:0::/:/bin/sh',
    'minus:x:-1:0::/:/bin/sh',
    'group:x:7:4294967296::/:/bin/sh',
    'short',
    'ann:x:1000:0100:Ann:/home/ann:/bin/sh',
  ].join('\n');

  test('a line whose ids are none is no account', () => {
    for (const name of ['joe', 'all', 'none', 'blank', 'hex', 'power', 'minus', 'group', 'short', '# a comment'])
      expect([name, userIn(PASSWD, name)]).toEqual([name, undefined]);
    for (const id of [0, 1, 7, 4294967295, Number.NaN]) expect([id, userIn(PASSWD, id)]).toEqual([id, undefined]);
  });

  test('by name and by number', () => {
    const ann = { name: 'ann', uid: 1000, gid: 100, home: '/home/ann', shell: '/bin/sh' };
    expect([userIn(PASSWD, 'ann'), userIn(PASSWD, 1000), userIn(PASSWD, '1000')]).toEqual([ann, ann, undefined]);
    expect(userIn(undefined, 'ann')).toBeUndefined();
  });

  test('groups likewise', () => {
    const text = 'big:x:4294967296:ann\nempty:x::ann\nstaff:x:50:ann,,bob\nalone:x:51';
    expect([groupIn(text, 'big'), groupIn(text, 'empty'), groupIn(text, 0)]).toEqual([undefined, undefined, undefined]);
    expect(groupIn(text, 50)).toEqual({ name: 'staff', gid: 50, members: ['ann', 'bob'] });
    expect(groupIn(text, 'alone')).toEqual({ name: 'alone', gid: 51, members: [] });
  });
});
