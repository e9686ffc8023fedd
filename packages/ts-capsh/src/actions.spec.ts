import { Bearer, type Credentials, firstCapabilities } from '@ts/capabilities';
import { madeUpWorld } from '@ts/cli/testing';
import { Failure, formatTape, recording } from '@ts/sys';
import { describe, expect, test } from 'vitest';
import { makeAction, type Scene, type Settings } from './actions.ts';
import { options } from './options.ts';

const COUNT = 41;
const ALL = firstCapabilities(COUNT);
const root: Credentials = {
  uids: { real: 0, effective: 0, saved: 0 },
  sets: { effective: ALL, permitted: ALL, inheritable: 0n },
  securebits: 0,
};
const plain: Settings = { elsewhere: false, strict: false, keepEnvironment: false, forked: false, json: false };

const world = madeUpWorld({
  prog: 'capsh',
  environment: ['HOME=/root', 'A=1', 'USER=root'],
  read: (path) => (path === '/etc/group' ? 'staff:x:50:ann,bob\nwheel:x:10:ann\nann:x:1000:\n' : undefined),
  user: (name) => (name === 'ann' ? { name, uid: 1000, gid: 1000, home: '/home/ann', shell: '/bin/sh' } : undefined),
  group: (name) => (name === 'staff' ? { name, gid: 50, members: [] } : undefined),
});

const step = (word: string) => {
  const [, long, value] = /^--([\w-]+)(?:=(.*))?$/.exec(word) as unknown as [string, string, string | undefined];
  const option = options.find((each) => each.long === long);
  if (!option) throw new TypeError(`no option ${long}`);
  return { option, value };
};

/** Names of the calls that options make, one after the other, and the scene they leave. */
function play(words: readonly string[], credentials = root, settings = plain) {
  const sys = recording(1, true);
  const scene: Scene = { bearer: new Bearer(sys, credentials), world, count: COUNT, environment: world.environment };
  for (const word of words) makeAction(step(word), settings, COUNT, world).run(scene);
  const calls = formatTape(sys.finish()).match(/\b(capset|setuid|setgid|setgroups|chroot|chdir|PR_[A-Z_]+)\b/g) ?? [];
  return { calls: calls.filter((name) => name !== 'PR_CAP_AMBIENT'), scene };
}

const idle = { ...root, sets: { ...root.sets, effective: 0n } };

describe('calls', () => {
  test.each([
    [['--drop=cap_kill,cap_chown'], root, ['PR_CAPBSET_DROP', 'PR_CAPBSET_DROP']],
    [['--drop=cap_kill'], idle, ['capset', 'PR_CAPBSET_DROP', 'capset']],
    [['--drop='], idle, []],
    [['--chroot=/x'], idle, ['capset', 'chroot', 'capset', 'chdir']],
    [['--caps=cap_kill=p'], root, ['capset']],
    [['--caps=cap_kill=p'], idle, ['capset', 'capset']],
    [['--inh=cap_kill'], root, ['capset']],
    [['--uid=5'], root, ['setuid']],
    [['--keep=1', '--no-new-privs'], root, ['PR_SET_KEEPCAPS', 'PR_SET_NO_NEW_PRIVS']],
    [['--user=ann'], root, ['setgid', 'setgroups', 'PR_SET_KEEPCAPS', 'capset', 'setuid', 'PR_SET_KEEPCAPS', 'capset']],
    // The effective set is gone with user 0, so what needs a capability makes it effective first.
    [
      ['--keep=1', '--uid=5', '--drop=cap_kill'],
      root,
      ['PR_SET_KEEPCAPS', 'setuid', 'capset', 'PR_CAPBSET_DROP', 'capset'],
    ],
    [['--mode=HYBRID'], root, ['PR_SET_SECUREBITS', 'capset']],
  ])('%j', (words, credentials, calls) => {
    expect(play(words, credentials).calls).toEqual(calls);
  });

  test('strict leaves the effective set alone', () => {
    expect(play(['--drop=cap_kill'], idle, { ...plain, strict: true }).calls).toEqual(['PR_CAPBSET_DROP']);
  });
});

test('--user changes HOME and USER where they are, and nothing else', () => {
  expect(play(['--user=ann']).scene.environment).toEqual(['HOME=/home/ann', 'A=1', 'USER=ann']);
  expect(play(['--user=ann'], root, { ...plain, keepEnvironment: true }).scene.environment).toEqual(world.environment);
});

test('accounts of another root are looked up when it is there', () => {
  const action = makeAction(step('--user=nobody-here'), { ...plain, elsewhere: true }, COUNT, world);
  expect(action.looks).toBe(true);
});

describe('wrong words', () => {
  test.each([
    ['--drop=cap_net_rew', 'unknown capability: cap_net_rew', "did you mean 'cap_net_raw'?"],
    [
      '--caps=cap_net_rew+p',
      'unable to interpret [--caps=cap_net_rew+p]',
      "unknown capability cap_net_rew: did you mean 'cap_net_raw'?",
    ],
    ['--user=nosuch', 'no such user: nosuch', undefined],
    ['--groups=staff,nosuch', 'no such group: nosuch', undefined],
    ['--uid=ann', 'invalid --uid value: want non-negative integer, got "ann"', undefined],
    ['--uid=4294967296', 'invalid --uid value: want non-negative integer, got "4294967296"', undefined],
    ['--mode=PURE', 'unsupported mode: PURE', 'modes: NOPRIV PURE1E_INIT PURE1E HYBRID'],
    ['--killit=9', 'no forked process to kill', undefined],
    ['--iab=foo', "iab: 'foo' malformed", undefined],
  ])('%s', (word, message, remedy) => {
    let thrown: unknown;
    try {
      makeAction(step(word), plain, COUNT, world);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Failure);
    expect(thrown).toMatchObject({ message, remedy, status: 1 });
  });
});
