import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { both, expectSame } from '../harness/parity.ts';
import { compatPath, isRoot, NOBODY, originalPath, run } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';
import { sleepingTarget } from '../harness/target.ts';

const USERS = isRoot ? [0, NOBODY] : [process.getuid?.() as number];
const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const;
const LINKS = `for kind in ${KINDS.join(' ')}; do readlink /proc/self/ns/$kind; done; pwd; id -u; id -g; grep ^Cap /proc/self/status`;

/**
 * 2.41 enters the namespaces of a process all at once, and cannot say which of them has refused; ours says it, as older ones do. It calls
 * setuid and setgid by their names with parentheses.
 */
const normalise = (text: string) =>
  text
    .replace(/(reassociate to namespace)(s| '[^']*') failed: .*/g, '$1 failed')
    .replace(/cannot open \/proc\/\d+\/ns\/\w+: Permission denied/g, 'reassociate to namespace failed')
    .replace(/(set[ug]id)\(\) failed/g, '$1 failed');

type Target = ReturnType<typeof sleepingTarget>;

const stop = (target: Target) => target[Symbol.dispose]();

/** The PID is `@` in the words. */
const withTarget = (argv: readonly string[], { pid }: Target) =>
  ['nsenter', ...argv].map((word) => word.replaceAll('@', String(pid)));

/** Into namespaces that the caller has rights over. */
const ENTERING: readonly (readonly string[])[] = [
  ...['-m', '-u', '-i', '-n', '-C', '-T', '-p', '-mu', '-pm', '-aF', '-a'].map((option) => [
    '-t',
    '@',
    ...option.split(' '),
    'sh',
    '-c',
    LINKS,
  ]),
  ['-t', '@', '-u', '-r', '-w', 'sh', '-c', 'pwd'],
  ['-t', '@', '-m', '-W/usr', 'pwd'],
  ['-t', '@', '-m', '-w/usr', 'pwd'],
  ['--uts=/proc/@/ns/uts', '-i/proc/@/ns/ipc', 'sh', '-c', LINKS],
  ['-t', '@', '-u', '-S', '7', '-G', '8', 'sh', '-c', LINKS],
  ['-t', '@', '-p', 'sh', '-c', 'exit 7'],
  ['-t', '@', '-p', 'sh', '-c', 'kill -KILL $$'],
  ['-t', '@', '-p', 'sh', '-c', 'kill -TERM $$'],
  ['-t', '@', '-p', 'no-such-program'],
  ['-t', '@', '-pF', 'sh', '-c', 'exit 3'],
  ['-t', '@', '--user', 'true'],
  ['-t', '@', '-u', '-r/usr', '/bin/pwd'],
  ['-t', '@', '--uts=', 'true'],
  ['-t', '@', '-a', '--net=', 'true'],
  ['-t', '@', '-u', '--root=', 'true'],
  ['-t', '@', '-u', '--wd=', 'true'],
  ['-t', '@', '-u', '--wdns=', 'true'],
  ['-t', '@', '-u', '--wdns', 'pwd'],
  ['-t', '+@', '-u', 'true'],
  ['-t', '@', '-u', ''],
];

/** What anybody gets to hear. */
const ANYBODY: readonly (readonly string[])[] = [
  ['-t', '999999', '-u', 'true'],
  ['-t', '999999', '-a', 'true'],
  ['-t', '999999', '-u', '-r', 'true'],
  ['-t', '1', '-u', '-i', 'true'],
  ['-r', 'true'],
  ['-w', 'true'],
  ['-m/nowhere', 'true'],
  ['-m/etc/passwd', 'true'],
  ['-u/proc/self/ns/uts', '-r/nowhere', 'true'],
  ['-u/proc/self/ns/uts', '-w/nowhere', 'true'],
  ['-u/proc/self/ns/uts', '-r/etc/passwd', 'true'],
  ['-u/proc/self/ns/uts', '-w/etc/passwd', 'true'],
  ['-w/usr', '-W/', 'pwd'],
  ['-t', 'abc', '-u', 'true'],
  ['-t', '1x', '-u', 'true'],
  ['-t'],
  ['-S', '0x', 'true'],
  ['-G', '0x', 'true'],
  ['--user=/proc/self/ns/user', 'true'],
  ['--user=/proc/self/ns/net', 'true'],
  ['--nonsense', 'true'],
  ['-q', 'true'],
];

/** What older originals let pass or say in other words. */
const SINCE_2_40: readonly (readonly [argv: readonly string[], message: string])[] = [
  [['true'], 'no namespace specified'],
  [['-F', 'no-such-program'], 'no namespace specified'],
  [['-r/usr', 'true'], 'no namespace specified'],
  [['-w/usr', 'pwd'], 'no namespace specified'],
  [['-W/usr', 'pwd'], 'no namespace specified'],
  [['-S5', '-G6', 'id'], 'no namespace specified'],
  [['-t', String(process.pid), '-r', '-w', 'true'], 'no namespace specified'],
  [['-r', 'true'], 'neither filename nor target pid supplied for root'],
  [['-e', 'true'], 'neither filename nor target pid supplied for environ'],
  [['-u', 'true'], 'no target PID specified'],
  [['-t', '0', '-m', 'true'], 'no target PID specified'],
  [['--user-parent', 'true'], 'no target PID specified'],
  [['-N', '0', 'true'], 'no target PID specified'],
  [['-t', '-5', '-u', 'true'], "failed to parse pid: '-5': Numerical result out of range"],
  [['-u=/nowhere', 'true'], 'cannot open /nowhere: No such file or directory'],
];

describe('nsenter, as the newest says it', () => {
  const isNew = run(['nsenter', 'true'], { env: { PATH: originalPath } }).stderr.includes('no namespace specified');
  for (const [argv, message] of SINCE_2_40)
    test(argv.join(' '), () => {
      expect(run(['nsenter', ...argv], { env: { PATH: compatPath } })).toMatchObject({
        status: 1,
        stdout: '',
        stderr: `nsenter: ${message}\n`,
      });
      if (isNew) expectSame(['nsenter', ...argv]);
    });
  test('-a without a target says so, where the newest looks for process 0', () => {
    expect(run(['ts-nsenter', '-a', 'true'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^ts-nsenter: no target PID specified for --all\n/),
    });
  });
  test('-W takes the next word, where the newest takes an attached one alone', (context) => {
    needs(context, needsRoot);
    expect(run(['ts-nsenter', '-u/proc/self/ns/uts', '-W', '/usr', 'pwd'])).toMatchObject({
      stdout: '/usr\n',
      stderr: '',
    });
  });
});

describe('nsenter, what it says', () => {
  for (const uid of USERS)
    for (const argv of ANYBODY)
      test(`${argv.join(' ')}, as user ${uid}`, (context) => {
        needs(context, needsProgram('nsenter'));
        expectSame(['nsenter', ...argv], { uid, normalise });
      });
});

describe('nsenter, into namespaces of root', () => {
  let target: Target;
  beforeAll(() => {
    if (isRoot) target = sleepingTarget(['-fpmuinCT', '--mount-proc'], 0);
  });
  afterAll(() => isRoot && stop(target));
  for (const argv of ENTERING)
    test(argv.join(' '), (context) => {
      needs(context, needsRoot, needsProgram('nsenter'));
      expectSame(withTarget(argv, target), { cwd: '/', normalise });
    });
  test('really are the target’s', (context) => {
    needs(context, needsRoot, needsProgram('nsenter'));
    const { ours } = both(withTarget(['-t', '@', '-a', 'sh', '-c', LINKS], target), { cwd: '/' });
    expect(ours.stdout.split('\n').slice(0, KINDS.length)).toEqual(
      KINDS.map((kind) => readlinkSync(`/proc/${target.pid}/ns/${kind}`)),
    );
  });
});

describe('nsenter, into a user namespace', () => {
  const own: readonly (readonly string[])[] = [
    ['-t', '@', '-U', '--preserve-credentials', 'sh', '-c', LINKS],
    ['-t', '@', '-U', 'sh', '-c', LINKS],
    ['-t', '@', '-Um', '--preserve-credentials', 'sh', '-c', LINKS],
    ['-t', '@', '-Umupn', '--preserve-credentials', '-r', '-w', 'sh', '-c', LINKS],
    ['-t', '@', '-m', 'true'],
    ['-t', '@', '-U', '-S', '5', 'true'],
    ['-t', '@', '-U', '--preserve-credentials', '-S', '0', 'id'],
    ['-t', '@', '-U', '--preserve-credentials', '-G', '0', 'id'],
    ['-t', '@', '-U', '--preserve-credentials', '-S', '5', 'id'],
    ['-t', '@', '-Ur', '--preserve-credentials', 'pwd'],
    ['-t', '@', '-UF', '--preserve-credentials', '-p', 'sh', '-c', 'exit 4'],
    ['--targ', '@', '--user', '--preserve-cred', '--ip', 'sh', '-c', LINKS],
    ['--user=/proc/@/ns/user', '--preserve-credentials', 'sh', '-c', LINKS],
  ];
  for (const uid of USERS) {
    describe(`as user ${uid}`, () => {
      let target: Target;
      beforeAll(() => {
        target = sleepingTarget(['-Urmunpf', '--mount-proc'], uid);
      });
      afterAll(() => stop(target));
      for (const argv of own)
        test(argv.join(' '), (context) => {
          needs(context, needsProgram('nsenter'));
          expectSame(withTarget(argv, target), { uid, cwd: '/', normalise });
        });
    });
  }
  test('of somebody else', (context) => {
    needs(context, needsRoot, needsProgram('nsenter'));
    const target = sleepingTarget(['-Ur'], 0);
    try {
      expectSame(withTarget(['-t', '@', '-U', 'true'], target), { uid: NOBODY, normalise });
    } finally {
      stop(target);
    }
  });
});
