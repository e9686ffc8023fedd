/** prlimit beside util-linux's: tables, messages, status, and the limits that a program finds. */
import { describe, expect, test } from 'vitest';
import { batchBoth, expectDifferent } from '../harness/batch.ts';
import { NOBODY } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** A process of the test's own to look at and to change. */
const TARGET = 'sleep 99 & target=$!;';
const END = '; status=$?; kill $target; exit $status';
const withTarget = (script: string) => `${TARGET} { ${script}; }${END}`;

const SAME = [
  'prlimit',
  'prlimit --nofile',
  'prlimit -n -c --as',
  'prlimit --nofile true',
  "prlimit -n=10:20 sh -c 'ulimit -Hn; ulimit -Sn'",
  "prlimit -n10: sh -c 'ulimit -Hn; ulimit -Sn'",
  "prlimit -n:16384 sh -c 'ulimit -Hn; ulimit -Sn'",
  'ulimit -Sn 100; prlimit --nofile',
  "ulimit -Sn 100; prlimit --nofile=:200 sh -c 'ulimit -Hn; ulimit -Sn'",
  'prlimit --core=5 --stack=8000000:9000000 --fsize=unlimited --cpu=100 --nproc=:90000 --as=20000000000 cat /proc/self/limits',
  'prlimit --nofile=100 --core prlimit -n -c',
  'prlimit --nofile=100 prlimit --nofile=50: prlimit --nofile=:60 prlimit --nofile',
  'prlimit --nofile=:100 prlimit --nofile',
  'prlimit --nofile=10 --nofile',
  'prlimit --nofile=10',
  'prlimit --nofile=20:10 true',
  'prlimit --nofile=x true',
  'prlimit --nofile= true',
  'prlimit --nofile=5:x true',
  'prlimit --nofile=5:6:7 true',
  'prlimit --nofile=: true',
  'prlimit --nofile=18446744073709551616 true',
  'prlimit --nofile=unlimited true',
  'prlimit --nofile=-1 true',
  'prlimit --rtprio=5 true',
  'prlimit --core=unlimited:unlimited true',
  'prlimit -p 1 --nofile',
  'prlimit -p 1 true',
  'prlimit -p 4194305 -n',
  'prlimit -p 4194305 -n=5',
  'prlimit -p 4194305 -n=5:',
  'prlimit -p x',
  'prlimit -p 1 -p 1',
  'prlimit -p 0 -n',
  'prlimit -p -1 -n',
  'prlimit -o RESOURCE,soft --noheadings --raw --nofile',
  'prlimit -o HARD,UNITS,DESCRIPTION --raw',
  'prlimit -o DESCRIPTION',
  'prlimit -o UNITS -e -n',
  'prlimit -o foo',
  'prlimit -o +UNITS',
  'prlimit --raw',
  'prlimit --verbose --core',
  'prlimit --verbose --core=0 true',
  'prlimit -z',
  'prlimit --n=5 true',
  'prlimit --rt=5 true',
  'prlimit --pid',
  "prlimit --cpu=5 sh -c 'exit 7'",
  'prlimit --nofile=100 nowhere',
  // Here no remedy can be said any more: the status must be right all the same.
  'prlimit -n5:6 -n99999999999 true',
  'prlimit --as=10000000 -n99999999999 true',
  'prlimit --data=10000 --stack=10000 -n99999999999 true',
  'prlimit --nproc=1 -n99999999999 true',
  "prlimit --nofile=' 5' --core=+5 sh -c 'ulimit -n; ulimit -c'",
  withTarget(
    'prlimit -p $target --nofile=5:6 --core=0 && prlimit -p $target -n -c && grep -E "open files|core file" /proc/$target/limits',
  ),
  withTarget('prlimit -p $target --nofile=7: && prlimit -p $target --nofile=:900 && prlimit -p $target -n'),
  withTarget('prlimit -p $target --nofile=8:9 --verbose | sed s/$target/PID/'),
  withTarget('prlimit -p $target --nofile --core=0; prlimit -p $target'),
  withTarget('prlimit -p $target --nofile=:1'),
  withTarget('prlimit -p $target --rss=5; ulimit -a >/dev/null; prlimit -p $target --rss=6'),
];

describe.each([
  ['root', undefined],
  ['an ordinary user', NOBODY],
] as const)('as %s', (_, uid) => {
  const results = batchBoth(SAME, { uid });
  for (const script of SAME)
    test(script, { timeout: 60_000 }, (context) => {
      needs(context, needsRoot, needsProgram('prlimit'));
      const { theirs, ours } = results(script);
      const says = theirs.status !== 0 && ours.stderr.startsWith(theirs.stderr) ? theirs.stderr : ours.stderr;
      expect({ ...ours, stderr: says }, `${script}: ${ours.stderr}`).toEqual(theirs);
    });
});

describe('on a terminal', () => {
  const terminal = (command: string) => `script -qec "${command}" /dev/null | sed -E 's/pid [0-9]+/pid N/'`;
  const scripts = [
    'prlimit',
    'prlimit --core true',
    'prlimit --core=0 --nofile --verbose echo ran',
    'prlimit --verbose --nofile=100',
    'stty cols 50; prlimit',
    'stty cols 30; prlimit -o DESCRIPTION,UNITS',
  ].map(terminal);
  const results = batchBoth(scripts);
  for (const script of scripts)
    test(script, { timeout: 60_000 }, (context) => {
      needs(context, needsRoot, needsProgram('prlimit', 'script'));
      const { theirs, ours } = results(script);
      expect(ours).toEqual(theirs);
    });
});

describe('another user’s process', () => {
  const results = batchBoth(['prlimit -p 1 -n=5'], { uid: NOBODY });
  test('is refused, and why', (context) => {
    needs(context, needsRoot, needsProgram('prlimit'));
    const { theirs, ours } = results('prlimit -p 1 -n=5');
    expect(ours.status).toBe(theirs.status);
    expect(ours.stderr).toBe(`${theirs.stderr}prlimit: process 1 belongs to user 0: this needs CAP_SYS_RESOURCE\n`);
  });
});

describe('differences', () => {
  const DIFFERENT = [
    ['prlimit --nofile=5x echo ran', 'what follows a number is an error', { status: 1, stdout: '' }],
    ['prlimit nowhere', 'no table where the output is none of a terminal', { status: 127, stdout: '' }],
    [
      withTarget(
        'prlimit -p $target --core=0 --nofile=99999999999; prlimit --raw --noheadings -o HARD -p $target --core',
      ),
      'of several limits of another process all are set or none',
      { status: 0, stdout: 'unlimited\n' },
    ],
    [
      withTarget(
        "inode=$(python3 -c 'import os, sys; print(os.fstat(os.pidfd_open(int(sys.argv[1]))).st_ino)' $target); prlimit --raw --noheadings -o HARD -p $target:$inode --core; prlimit -p $target:1$inode --core=0; prlimit --raw --noheadings -o HARD -p $target --core",
      ),
      'a process by the inode of its pidfd',
      { status: 0, stdout: 'unlimited\nunlimited\n', stderr: /pidfd inode \d+ not found for pid \d+\n/ },
    ],
    ['prlimit --json -o RESOURCE,SOFT --core', 'JSON', { status: 0, stdout: /"limits": \[/ }],
  ] as const;
  const results = batchBoth(DIFFERENT.map(([script]) => script));
  for (const [script, reason, expected] of DIFFERENT)
    test(`${script}: ${reason}`, (context) => {
      needs(context, needsRoot, needsProgram('prlimit'));
      expectDifferent(results(script), expected);
    });
});
