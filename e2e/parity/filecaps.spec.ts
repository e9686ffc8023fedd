/** getcap, setcap and getpcaps beside libcap's: standard output, exit status, and what the files have afterwards. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchBoth } from '../harness/batch.ts';
import { NOBODY, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const BEFORE =
  'cp /bin/true f && cp f g && mkdir -p d/e && ln -s ../f d/link && cp f d/e/h && mkfifo fifo && setcap cap_kill=p d/e/h';
/** chown(2) takes the capabilities of a file. */
const FOR_NOBODY = `${BEFORE} && chown -R ${NOBODY} . && setcap cap_kill=p d/e/h`;
const AFTER = 'for x in f g d/e/h; do getcap -nv $x; done';

/** On standard error both say something or both do not. */
function expectSame(script: string, { theirs, ours }: ReturnType<ReturnType<typeof batchBoth>>): void {
  const outcome = ({ stderr, ...rest }: typeof ours) => ({ ...rest, says: stderr !== '' });
  expect(outcome(ours), `${script}: ${ours.stderr} / ${theirs.stderr}`).toEqual(outcome(theirs));
}

const ANYBODY = [
  'getcap',
  'getcap -x f',
  'getcap f',
  'getcap -v f',
  'getcap -v d/link d fifo /dev/null',
  'getcap -r d',
  'getcap -rv d',
  'getcap -v -r d/e d/link',
  'getcap -rv /etc /proc/sys/kernel /dev',
  'getcap /proc/self/status',
  'setcap -v = /proc/self/status',
  'getcap d/e/h -n',
  'getcap /usr/bin/ping',
  'setcap',
  'setcap -q',
  'setcap -v',
  'setcap -q -v',
  'setcap cap_kill=p',
  'setcap -r',
  'setcap -v -r f',
  'setcap -v = f',
  'setcap -v cap_kill=p f',
  'setcap -q -v cap_kill=p f',
  'setcap -v cap_kill=p d/e/h cap_kill=p d/e/h cap_kill=ip d/e/h cap_kill=p d/e/h',
  'setcap -v cap_kill=ep d/e/h',
  'setcap -v -n 5 cap_kill=p d/e/h',
  'setcap -v cap_kill=p nowhere',
  'setcap -v = nowhere',
  'setcap -v = d',
  'setcap cap_foo+ep f',
  'setcap -x f',
  'setcap -n',
  'setcap -n x = f',
  'setcap -n 0 = f',
  'setcap -n -5 = f',
  'setcap -n 08 = f',
  'getpcaps',
  'getpcaps 1 abc 1',
  'getpcaps 0',
  "getpcaps ''",
  'getpcaps -5',
  'getpcaps 1x',
  'getpcaps 0x1',
  'getpcaps 01 +1',
  'getpcaps 4294967297',
  'getpcaps 4194305',
  'getpcaps 1 --iab 1 --legacy 1 --verbose 1',
  'getpcaps --verbose 1 1',
  'getpcaps --legacy 1 2>&1',
  'getpcaps --ugly 1 2>&1',
  'getpcaps --foo 1',
  "unshare -Ur sh -c 'getpcaps --iab 1; echo'",
];

/** A process without capabilities. */
const ofNobody = (words: string) =>
  `setpriv --reuid ${NOBODY} sleep 9 & until grep -q sleep /proc/$!/comm; do :; done; getpcaps ${words} $! 2>&1 | sed "s/$!/N/"; kill $!`;

const ROOT = [
  'setcap cap_net_raw+ep f && getcap f && getcap -n f && setcap -v cap_net_raw+ep f',
  'setcap cap_net_raw,cap_kill=p f && getcap f',
  'setcap cap_net_raw=eip g cap_kill=i f && getcap f g',
  'setcap cap_kill=ep f && setcap -r f && getcap -v f',
  'setcap -r f',
  'setcap -r d',
  'setcap -r nowhere',
  'setcap cap_kill=p d',
  'setcap cap_kill=p d/link',
  'setcap cap_kill=p nowhere',
  'setcap cap_kill+p -q f',
  'setcap -q cap_kill+p f; setcap = f; getcap f',
  'setcap =eip f; getcap f',
  "setcap 'cap_kill+p cap_chown+ep' f",
  'setcap -n 1000 cap_net_raw+ep f; getcap -n f; getcap f; setcap -v cap_net_raw+ep f; setcap -v -n 1000 cap_net_raw+ep f',
  'setcap -n 0x10 = f; getcap -n f',
  'setcap -n 4294967294 = f; getcap -n f',
  'setcap -n 4294967295 = f',
  "printf 'cap_kill+ep\\n' | setcap - f; getcap f",
  "printf 'cap_kill+p\\n\\n' | setcap -q - f; getcap f",
  "printf 'cap_kill+p' | setcap -q - f; getcap f",
  "printf '' | setcap -q - f",
  "printf '\\n' | setcap -q - f",
  'setcap cap_kill=p f -v cap_kill=p f cap_chown=p f',
  'unshare -Ur setcap cap_kill+ep f; getcap -n f',
  "unshare -m sh -c 'umount -l /proc; getpcaps 1; getpcaps --verbose 1; getcap -v d/e/h; setcap all=p f && getcap f'",
  'unshare -U setcap cap_kill+ep f',
  "capsh --caps='=p cap_sys_resource-p' --secbits=1 -- -c 'setcap cap_kill=p f'",
  'sleep 9 & getpcaps $! | sed s/^[0-9]*//; kill $!',
  ...['', '--iab', '--iab --verbose', '--verbose --iab', '--iab --legacy', '--legacy --iab', '--legacy'].map(ofNobody),
  "capsh --inh=cap_kill --addamb=cap_kill --drop=cap_chown -- -c 'sleep 9 & getpcaps --iab $! | sed s/^[0-9]*//; kill $!'",
];

const GROUPS = [
  ['anybody, as root', ANYBODY, undefined],
  ['anybody, as an ordinary user', ANYBODY, NOBODY],
  ['root', ROOT, undefined],
  ['an ordinary user', ['setcap cap_kill+p f', 'setcap -r d/e/h', 'unshare -Ur setcap cap_kill+ep f'], NOBODY],
] as const;

describe.each(GROUPS)('%s', (_, scripts, uid) => {
  const results = batchBoth(scripts, { before: uid === undefined ? BEFORE : FOR_NOBODY, after: AFTER, uid });
  for (const script of scripts)
    test(script, { timeout: 60_000 }, (context) => {
      needs(context, needsRoot, needsProgram('getcap', 'setcap', 'getpcaps', 'capsh', 'ping'));
      const { theirs, ours } = results(script);
      // What the newest prints for its makers.
      const stdout = theirs.stdout.replace(/^(got here|argument: .*)\n/gm, '');
      expectSame(script, { theirs: { ...theirs, stdout }, ours });
    });
});

describe('differences', () => {
  const DIFFERENT = [
    [
      'getcap f /nowhere',
      'a file that is not there is an error',
      { status: 1, stdout: '', stderr: 'getcap: /nowhere: No such file or directory\n' },
    ],
    ['getcap -h >/dev/null', 'help is on standard output', { status: 0, stderr: '' }],
    [
      'setcap cap_kill=p f cap_foo=p g',
      'all is read before anything is changed',
      {
        status: 1,
        left: 'f\ng\nd/e/h cap_kill=p\n',
        stderr: /^setcap: unable to interpret capabilities 'cap_foo=p'\n/,
      },
    ],
    [
      'setcap cap_kill=p f cap_kill=p nowhere',
      'all is looked at before anything is changed',
      {
        status: 1,
        left: 'f\ng\nd/e/h cap_kill=p\n',
        stderr: "setcap: failed to set capabilities on file 'nowhere': No such file or directory\n",
      },
    ],
    [
      'setcap -r d/e/h -r f',
      'all is looked at before anything is changed',
      { status: 1, left: 'f\ng\nd/e/h cap_kill=p\n', stderr: "setcap: file 'f' has no capability to remove\n" },
    ],
    [
      'setcap 63+p f',
      'as the newest libcap, what no kernel knows only with -f',
      { status: 1, stderr: /makes no sense.*\n.*-f sets it/, left: 'f\ng\nd/e/h cap_kill=p\n' },
    ],
    ['setcap cap_net_raw=e f', 'the same, what is effective alone', { status: 1, left: 'f\ng\nd/e/h cap_kill=p\n' }],
    [
      'setcap -f 63+p f && setcap -f 41,cap_kill+ep g && getcap f g && setcap -f -r f -r f && getcap -v f',
      'with -f it is set, and nothing to remove is no error',
      { status: 0, stderr: '', stdout: 'f = 63+p\ng cap_kill=ep 41+ep\nf\n' },
    ],
    ...["setcap '' f", "setcap ' ' f", "setcap -v '' f"].map(
      (script) =>
        [
          script,
          'as the newest libcap, empty space is no set',
          {
            status: 1,
            left: 'f\ng\nd/e/h cap_kill=p\n',
            stderr: 'setcap: empty space is an invalid capability, did you mean -r?\n',
          },
        ] as const,
    ),
    ...(['getcap -l /nowhere', 'getcap f -l', 'setcap -q --license', 'getpcaps --license x'] as const).map(
      (script) =>
        [script, 'the licence is ours', { status: 0, stderr: '', stdout: /see LICENSE file.*\n.*MIT/ }] as const,
    ),
    ['setcap cap_net_rew=p f', 'the nearest name', { status: 1, stderr: /did you mean 'cap_net_raw'\?\n$/ }],
    ['setcap cap_kill+p f -- getcap f', 'a program', { status: 0, stdout: 'f cap_kill=p\n' }],
    [
      "unshare -m sh -c 'umount -l /proc; getpcaps --iab 1'",
      'what cannot be read is not printed in part',
      { status: 1, stdout: '', stderr: 'getpcaps: no IAB value for 1: cannot read /proc/1/status\n' },
    ],
    ['getpcaps --iab 0', 'the vectors of the tool itself', { status: 0, stdout: /^0: ".*"/, stderr: '' }],
  ] as const;
  const results = batchBoth(
    DIFFERENT.map(([script]) => script),
    { before: BEFORE, after: AFTER },
  );
  for (const [script, reason, expected] of DIFFERENT)
    test(`${script}: ${reason}`, (context) => {
      needs(context, needsRoot, needsProgram('getcap', 'setcap', 'getpcaps'));
      const { theirs, ours } = results(script);
      for (const [key, value] of Object.entries(expected)) {
        const got = ours[key as keyof typeof expected];
        if (value instanceof RegExp) expect(got).toMatch(value);
        else expect(got, key).toBe(value);
      }
      expect(ours).not.toEqual({ ...theirs });
    });
});

test('any sets: written by one, read by the other, and compared', { timeout: 60_000 }, (context) => {
  needs(context, needsRoot, needsProgram('getcap', 'setcap'));
  using folder = temporaryFolder();
  const name = fc.constantFrom('cap_kill', 'cap_chown', 'cap_bpf', 'cap_sys_admin', 'all', '7', '40');
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 4 }).map((list) => list.join(','));
  const clause = fc
    .tuple(names, fc.constantFrom('+p', '=ip', '+i', '-i', '=eip', '+p-i'))
    .map((words) => words.join(''));
  const text = fc.array(clause, { minLength: 1, maxLength: 3 }).map((clauses) => clauses.join(' '));
  const rootId = fc.constantFrom('', '-n 1', '-n 100000');
  fc.assert(
    fc.property(fc.array(fc.tuple(rootId, text), { minLength: 8, maxLength: 8 }), (files) => {
      // One shell for all files: A is written by theirs, B by ours.
      const script = (set: string, letter: string) =>
        files
          .map(
            ([id, words], index) =>
              `cp /bin/true ${letter}${index}; ${set} ${id} '${words}' ${letter}${index} 2>/dev/null; echo $?`,
          )
          .join('\n');
      const written = [script('setcap', 'A'), script('ts-setcap', 'B')].map(
        (each) => run(['sh', '-c', each], { cwd: folder.path }).stdout,
      );
      expect(written[1]).toBe(written[0]);
      const read = (get: string, letter: string) =>
        run(['sh', '-c', `${get} -nv ${letter}?`], { cwd: folder.path }).stdout.replaceAll(letter, '');
      const expected = read('getcap', 'A');
      expect([read('getcap', 'B'), read('ts-getcap', 'A')]).toEqual([expected, expected]);
    }),
    { numRuns: 6 },
  );
});
