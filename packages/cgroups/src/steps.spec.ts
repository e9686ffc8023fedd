import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { live, SysError } from '@ts/sys';
import { expect, test } from 'vitest';
import { perform, type Step } from './steps.ts';

test('what was made is taken back, also where one thing cannot be', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steps-'));
  const at = (name: string) => join(folder, name);
  try {
    function* steps(): Generator<Step> {
      yield { do: 'mkdir', path: at('first') };
      yield { do: 'mkdir', path: at('second') };
      yield { do: 'mkdir', path: at('third') };
      writeFileSync(at('second/in-the-way'), '');
      yield { do: 'write', path: at('none/file'), value: '1' };
    }
    let failure: unknown;
    try {
      perform(live(), steps(), { says: 'no luck', status: 96, statusOpen: 95 });
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(SysError);
    expect(failure).toMatchObject({
      code: 'ENOENT',
      status: 95,
      context: `no luck: cannot write '1' to ${at('none/file')}`,
    });
    expect(['first', 'second', 'third'].map((name) => existsSync(at(name)))).toEqual([false, true, false]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a folder that was there is not taken back; an error that may be is none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steps-'));
  const steps: Step[] = [
    { do: 'mkdir', path: folder },
    { do: 'write', path: '/proc/self/oom_score_adj', value: 'x', mayFail: 'EINVAL' },
    { do: 'write', path: '/proc/self/oom_score_adj', value: 'x', mayFail: true },
  ];
  const general = { says: '', status: 96 };
  try {
    perform(live(), steps, general);
    const refused = { do: 'write', path: '/proc/self/oom_score_adj', value: 'x', mayFail: 'EBUSY' } as const;
    expect(() => perform(live(), [...steps, refused], general)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(existsSync(folder)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
