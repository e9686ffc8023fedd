import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { both } from '../harness/parity.ts';
import { isRoot, NOBODY, original, run } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/**
 * Words behind `capsh` for which standard output and status are those of the original. On standard error both say
 * something or both do not: ours begins with the tool's name and gives the reason, which the original mostly leaves out.
 */
const ANYBODY: readonly (readonly string[])[] = [
  [],
  ['--print'],
  ['--current'],
  ['--modes'],
  ['--mode'],
  ['--decode=00000000a80425fb'],
  ['--decode=0000003fffffffff'],
  ['--decode=0x3'],
  ['--decode=3g'],
  ['--decode=xyz'],
  ['--decode='],
  ['--decode=-1'],
  ['--decode=fffffffffffffffffff'],
  ['--decode=3', '--decode=c'],
  ['--has-p=cap_kill'],
  ['--has-p=cap_foo'],
  ['--has-i=cap_kill'],
  ['--has-a=cap_kill'],
  ['--has-b=cap_kill'],
  ['--has-b=cap_sys_resource'],
  ['--has-ambient'],
  ['--has-no-new-privs'],
  ['--no-new-privs', '--has-no-new-privs', '--print'],
  ['--is-uid=0'],
  ['--is-uid=65534'],
  ['--is-uid=root'],
  ['--is-gid=0'],
  ['--is-gid='],
  ['--explain=foo'],
  ['--explain=41'],
  ['--suggest=no such thing'],
  ['--supports=cap_kill'],
  ['--supports=40'],
  ['--supports=41'],
  ['--supports=foo'],
  ['--inmode=HYBRID'],
  ['--print', '--drop=cap_foo', '--print'],
  ['--drop='],
  ['--drop=cap_kill'],
  ['--drop=kill'],
  ['--drop=64'],
  ['--caps='],
  ['--caps=', '--print'],
  ['--caps=foo'],
  ['--caps=cap_net_raw+q'],
  ['--inh=none'],
  ['--inh=cap_foo'],
  ['--inh=cap_kill', '--current'],
  ['--inh=all'],
  ['--inh=cap_kill,'],
  ['--inh=,'],
  ['--iab=!41,^63,%50', '--current'],
  ['--uid=+5x'],
  ['--uid=5 '],
  ['--is-uid=+0'],
  ['--is-gid= +0'],
  ['--secbits=+0', '--current'],
  ['--addamb=cap_kill'],
  ['--addamb=cap_foo'],
  ['--delamb=cap_kill'],
  ['--noamb', '--current'],
  ['--keep=1', '--print'],
  ['--keep=2'],
  ['--keep=1x'],
  ['--keep='],
  ['--uid=x'],
  ['--uid=0'],
  ['--uid=65534', '--print'],
  ['--gid=0'],
  ['--gid=abc'],
  ['--groups=0'],
  ['--groups=4,x'],
  ['--user=nosuch'],
  ['--user=nobody'],
  ['--cap-uid=x'],
  ['--cap-uid=0'],
  ['--chroot=/'],
  ['--chroot=/nowhere'],
  ['--chroot='],
  ['--secbits=x'],
  ['--secbits=1'],
  ['--secbits=4294967295'],
  ['--iab=foo'],
  ['--iab=!cap_kill,^cap_setuid,cap_chown', '--current'],
  ['--killit=9'],
  ['--forkfor=x'],
  ['--forkfor=9', '--forkfor=9'],
  ['--forkfor=9', '--killit=9'],
  ['--forkfor=1', '--killit=0'],
  ['--quiet', '--print'],
  ['--', '-c', 'exit 7'],
  ['--', '-c', 'echo "$0" "$1"; ps -o ppid= $$ >/dev/null; kill -TERM $$', 'a', 'b'],
  ['-+', '-c', 'exit 7'],
  ['-+', '-c', 'kill -9 $$'],
  ['--shell=/bin/sh', '--', '-c', 'echo "$0" "$1"', 'a', 'b'],
  ['--shell=sh', '--', '-c', 'true'],
  ['--shell=/nowhere', '--'],
  ['--shell=/etc/passwd', '--'],
  ['--shell=/nowhere', '-+'],
  ['==', '--current'],
  ['=+', '--current'],
  ['--no-new-privs', '==', '--print'],
  ['--noenv', '--shell=/usr/bin/env', '--'],
];

const ROOT: readonly (readonly string[])[] = [
  ['--drop=all', '--print'],
  ['--drop=0,1,CAP_KILL,0x6', '--print'],
  ['--drop=41'],
  ['--drop=cap_kill', '==', '--print'],
  ['--caps=cap_sys_resource=p'],
  ['--caps=all=p'],
  ['--inh=cap_kill', '--addamb=cap_kill', '--print'],
  ['--inh=cap_kill', '--addamb=cap_kill', '--uid=65534', '--print'],
  ['--inh=cap_kill', '--keep=1', '--uid=65534', '--addamb=cap_kill', '--', '-c', 'grep Cap /proc/self/status'],
  ['--user=nobody', '--print'],
  ['--user=daemon', '--', '-c', 'id; grep Cap /proc/self/status'],
  ['--user=nobody', '--shell=/usr/bin/env', '--'],
  ['--noenv', '--user=nobody', '--shell=/usr/bin/env', '--'],
  ['--cap-uid=65534', '--print'],
  ['--gid=65534', '--groups=4,adm,27', '--uid=65534', '--', '-c', 'id'],
  ['--groups=', '--', '-c', 'id'],
  ['--groups=010,0x5,adm', '--gid=+7', '--', '-c', 'id'],
  ['--secbits=0x2f', '--print'],
  ['--secbits=057', '--print'],
  ['--secbits=1', '--', '-c', 'grep Cap /proc/self/status'],
  ['--mode=NOPRIV', '--print'],
  ['--mode=PURE1E', '--print'],
  ['--mode=PURE1E_INIT', '--inmode=PURE1E_INIT', '--print'],
  ['--mode=HYBRID', '--current'],
  ['--secbits=0xef', '--user=root', '--print'],
  ['--strict', '--caps==p cap_sys_resource-p', '--drop=cap_kill'],
  ['--caps==p cap_sys_resource-p', '--drop=cap_kill', '--print'],
  ['--caps==p cap_sys_resource-p', '--chroot=/', '--', '-c', 'grep Cap /proc/self/status'],
  ['--iab=^cap_kill', '--print'],
  ['--drop=cap_setpcap', '--drop=cap_kill', '--print'],
  ['--user=nobody', '=+', '--print'],
];

const withoutPids = (text: string) => text.replaceAll(/PID=\d+/g, 'PID=N');

function expectSameOutcome(argv: readonly string[], uid?: number): void {
  const { original: theirs, ours } = both(['capsh', ...argv], {
    uid,
    env: { HOME: '/', USER: 'x' },
    normalise: (text) => withoutPids(text).replace(/^PATH=.*/m, 'PATH'),
  });
  const outcome = ({ status, signal, stdout, stderr }: typeof ours) => ({
    status,
    signal,
    stdout,
    says: stderr !== '',
  });
  expect(outcome(ours), `${argv.join(' ')}: ${ours.stderr}`).toEqual(outcome(theirs));
}

describe.each(isRoot ? [0, NOBODY] : [undefined])('as user %s', (uid) => {
  for (const argv of ANYBODY)
    test(`capsh ${argv.join(' ')}`, (context) => {
      needs(context, needsProgram('capsh'));
      expectSameOutcome(argv, uid);
    });
});

describe('as root', () => {
  for (const argv of ROOT)
    test(`capsh ${argv.join(' ')}`, (context) => {
      needs(context, needsRoot, needsProgram('capsh'));
      expectSameOutcome(argv);
    });
});

describe('differences', () => {
  /** What ours does instead, and why. */
  const DIFFERENT = [
    { argv: ['--has-a=60'], reason: 'a capability that the kernel lacks is in no set', status: 1 },
    { argv: ['--has-b=60'], reason: 'a capability that the kernel lacks is in no set', status: 1 },
    {
      argv: ['--has-p=cap_kill,cap_foo'],
      reason: 'the original looks at the first name alone',
      status: 1,
      says: /unknown capability: cap_kill,cap_foo/,
    },
    { argv: ['--groups=5x'], reason: 'what stands behind a number is no part of it', status: 1, says: /no such group/ },
    { argv: ['--mode=foo'], reason: 'failures are said on standard error', status: 1, says: /unsupported mode: foo/ },
    { argv: ['--inmode=foo'], reason: 'failures are said on standard error', status: 1, says: /mismatched mode/ },
    {
      argv: ['--bogus'],
      reason: 'the word is named',
      status: 1,
      prints: /^usage: capsh/,
      says: /not an option: --bogus/,
    },
    { argv: ['foo'], reason: 'the word is named', status: 1, prints: /^usage: capsh/, says: /not an option: foo/ },
    {
      argv: ['--drop'],
      reason: 'the word is named',
      status: 1,
      prints: /^usage: capsh/,
      says: /not an option: --drop/,
    },
    { argv: ['--forkfor=0'], reason: 'no usage text for one wrong number', status: 1, says: /not 0/ },
    {
      argv: ['--modes', '==', '--modes'],
      reason: 'the original loses what it has printed to a pipe when it becomes another program',
      status: 0,
      prints: /^Supported.*\nSupported.*\n$/,
    },
    {
      argv: ['--explain=cap_kill'],
      reason: 'texts of our own',
      status: 0,
      prints: /^cap_kill \(5\) \[\/proc\/self\/status:CapXXX: 0x0000000000000020\]\n\n {4}\w/,
    },
    { argv: ['--suggest=chroot'], reason: 'texts of our own', status: 0, prints: /^cap_sys_chroot \(18\)/ },
    { argv: ['--help'], reason: 'a text of our own', status: 0, prints: /--drop/ },
  ] as const;
  for (const row of DIFFERENT)
    test(`${row.argv.join(' ')}: ${row.reason}`, (context) => {
      needs(context, needsProgram('capsh'));
      const { original: theirs, ours } = both(['capsh', ...row.argv]);
      expect(ours.status).toBe(row.status);
      expect([ours.stdout, ours.status]).not.toEqual([theirs.stdout, theirs.status]);
      if ('prints' in row) expect(ours.stdout).toMatch(row.prints);
      if ('says' in row) expect(ours.stderr).toMatch(row.says);
    });
});

test('--decode of any mask', (context) => {
  needs(context, needsProgram('capsh'));
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (mask) => {
      const { original: theirs, ours } = both(['capsh', `--decode=${mask.toString(16)}`]);
      expect(ours).toEqual(theirs);
    }),
    { numRuns: 15 },
  );
});

describe('any options in any order', () => {
  const capability = fc.constantFrom(
    ...['cap_kill', 'cap_chown', 'cap_setpcap', 'cap_setuid', 'cap_setgid', 'cap_net_raw', 'cap_sys_chroot'],
  );
  const list = fc.uniqueArray(capability, { minLength: 1, maxLength: 3 }).map((names) => names.join(','));
  const clause = fc.oneof(
    fc.constantFrom('=p cap_sys_resource-p', '=ep cap_sys_resource-ep', '='),
    fc.tuple(list, fc.constantFrom('+p', '+ep', '+i', '+eip', '-e', '=p', '+ip')).map((words) => words.join('')),
  );
  const iab = fc
    .uniqueArray(fc.tuple(fc.constantFrom('^', '!', '', '!^'), capability), { minLength: 1, maxLength: 2 })
    .map((words) => words.map((word) => word.join('')).join(','));
  const after = (option: string, value: fc.Arbitrary<string>) => value.map((text) => `--${option}=${text}`);
  const step = fc.oneof(
    after('drop', list),
    after('inh', list),
    after('addamb', list),
    after('delamb', list),
    after('iab', iab),
    after(
      'caps',
      fc.array(clause, { minLength: 1, maxLength: 3 }).map((clauses) => clauses.join(' ')),
    ),
    after('keep', fc.constantFrom('0', '1')),
    after('uid', fc.constantFrom('0', '5', '65534')),
    after('cap-uid', fc.constantFrom('0', '5')),
    after('gid', fc.constantFrom('0', '7')),
    after('groups', fc.constantFrom('4', '4,27', '')),
    after('user', fc.constantFrom('nobody', 'root', 'daemon')),
    after('secbits', fc.constantFrom('0', '1', '4', '5', '0x10', '0x40', '0xef', '0x2f')),
    fc.constantFrom('--noamb', '--no-new-privs', '--strict', '--chroot=/'),
  );

  test('recorded and live, the program at the end finds what the original leaves', { timeout: 300_000 }, (context) => {
    needs(context, needsRoot, needsProgram('capsh'));
    const capsh = original('capsh') as string;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
        const outcome = (tool: string, options: readonly string[]) => {
          const { status, stdout } = run([tool, ...options, `--shell=${capsh}`, '--', '--print']);
          return { status, stdout };
        };
        const expected = outcome(capsh, steps);
        expect(outcome('ts-capsh', steps)).toEqual(expected);
        // A test that is met makes all of it live.
        expect(outcome('ts-capsh', ['--has-ambient', ...steps])).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});
