import { CAP_SETUID, formatTape, recording, SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { afterSetuid, Bearer, type Credentials } from './bearer.ts';
import { guessMode, SECUREBITS_PURE } from './modes.ts';
import { bit, capabilityNumber } from './names.ts';
import { lacks, setInStatus } from './status.ts';

const SOME = bit(CAP_SETUID) | bit(5);
const root: Credentials = {
  uids: { real: 0, effective: 0, saved: 0 },
  sets: { effective: SOME, permitted: SOME, inheritable: bit(5) },
  securebits: 0,
};
const NONE = { effective: 0n, permitted: 0n, inheritable: bit(5) };

describe('what setuid(2) makes of sets', () => {
  test('leaving user 0 drops all but the inheritable set', () => {
    expect(afterSetuid(root, 5)).toEqual({ uids: { real: 5, effective: 5, saved: 5 }, sets: NONE, securebits: 0 });
  });
  test('keep-capabilities keeps the permitted set', () => {
    const { sets } = afterSetuid({ ...root, securebits: SECBIT_KEEP_CAPS }, 5);
    expect(sets).toEqual({ ...root.sets, effective: 0n });
  });
  test('without the fix-up nothing is lost', () => {
    expect(afterSetuid({ ...root, securebits: SECBIT_NO_SETUID_FIXUP }, 5).sets).toEqual(root.sets);
  });
  test('becoming user 0 makes the permitted set effective', () => {
    const user = {
      ...root,
      uids: { real: 5, effective: 5, saved: 5 },
      sets: { ...root.sets, effective: bit(CAP_SETUID) },
    };
    expect(afterSetuid(user, 0).sets.effective).toBe(SOME);
  });
  test('without CAP_SETUID only the effective id changes', () => {
    const user = { ...root, uids: { real: 5, effective: 5, saved: 6 }, sets: { ...root.sets, effective: 0n } };
    expect(afterSetuid(user, 6).uids).toEqual({ real: 5, effective: 6, saved: 6 });
  });
});

describe('recorded', () => {
  const record = (work: (bearer: Bearer) => void, credentials = root) => {
    const sys = recording(1, true);
    work(new Bearer(sys, credentials));
    return formatTape(sys.finish()).match(/capset|setuid|PR_\w+|chroot/g);
  };
  const idle = { ...root, sets: { ...root.sets, effective: 0n } };

  test('what is effective needs no preparation', () => {
    expect(record((bearer) => bearer.with(CAP_SETUID, 'no', () => void bearer.sys.chroot('/')))).toEqual(['chroot']);
  });
  test('what is not is made so, and taken back', () => {
    expect(record((bearer) => bearer.with(CAP_SETUID, 'no', () => void bearer.sys.chroot('/')), idle)).toEqual([
      'capset',
      'chroot',
      'capset',
    ]);
  });
  test('what is not permitted is not tried where it is not required', () => {
    const work = (bearer: Bearer) => bearer.withIfPermitted(8, 'no', () => void bearer.sys.chroot('/'));
    expect(record(work, idle)).toEqual(['chroot']);
  });
  test('all ids with the permitted set kept', () => {
    const bearers: Bearer[] = [];
    const calls = record((bearer) => {
      bearers.push(bearer);
      bearer.setuidKeeping(5, 'no');
    });
    expect(calls).toEqual(['PR_SET_KEEPCAPS', 'capset', 'setuid', 'PR_SET_KEEPCAPS', 'capset']);
    expect(bearers[0]?.sets).toEqual({ ...root.sets, effective: 0n });
  });
});

test('modes by their secure bits and sets', () => {
  const state = { sets: root.sets, ambient: 0n, bounding: SOME, securebits: 0 };
  expect(guessMode(state)).toBe('HYBRID');
  expect(guessMode({ ...state, securebits: 1 })).toBe('UNCERTAIN');
  expect(guessMode({ ...state, securebits: SECUREBITS_PURE })).toBe('PURE1E');
  expect(guessMode({ ...state, securebits: SECUREBITS_PURE, ambient: 1n })).toBe('UNCERTAIN');
  const init = { ...root.sets, inheritable: 0n };
  expect(guessMode({ ...state, securebits: SECUREBITS_PURE, sets: init })).toBe('PURE1E_INIT');
  const none = { effective: 0n, permitted: 0n, inheritable: 0n };
  expect(guessMode({ sets: none, ambient: 0n, bounding: 0n, securebits: SECUREBITS_PURE })).toBe('NOPRIV');
});

test('sets of a status text', () => {
  const status = 'Name:\tsh\nCapInh:\t0000000000000000\nCapEff:\t000001fffeffffff\n';
  expect(setInStatus(status, 'Eff')).toBe(0x1fffeffffffn);
  expect(setInStatus(undefined, 'Eff')).toBe(undefined);
  expect(setInStatus('CapEff:\trubbish\n', 'Eff')).toBe(undefined);
  const lacking = (text: string | undefined) => lacks(() => text, capabilityNumber('cap_sys_admin') as number);
  expect(lacking('CapEff:\t0000000000000000\n')).toBe(true);
  expect(lacking('CapEff:\t000001ffffffffff\n')).toBe(false);
  for (const unknown of [undefined, '', 'CapEff:\trubbish\n', 'CapPrm:\t0000000000000000\n'])
    expect(lacking(unknown)).toBe(false);
});
