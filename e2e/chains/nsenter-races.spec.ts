/** Targets that end or have ended, whose numbers go to others, that are elsewhere; files that are no namespaces. */
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { containerRoot } from '../harness/container.ts';
import { compatPath, isRoot, NOBODY, originalPath, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';
import { sleepingTarget } from '../harness/target.ts';

const OWN = process.getuid?.() as number;
const ORDINARY = isRoot ? NOBODY : OWN;
const WHO = [
  ...(isRoot ? [{ who: 'as root', uid: 0, own: '', through: '' }] : []),
  { who: 'as an ordinary user', uid: ORDINARY, own: 'r', through: '-U --preserve-credentials' },
];

function target(options: readonly string[], uid = OWN): number {
  const made = sleepingTarget(options, uid);
  onTestFinished(() => made[Symbol.dispose]());
  return made.pid;
}

/**
 * A PID namespace with a /proc of its own, in which the next PID can be chosen. The script has `end PID`, which kills and
 * waits, and `again PID PROGRAM…`, which starts a program under that very number.
 */
const inPidNamespace = (script: string, path = originalPath) =>
  run(
    [
      '/usr/bin/unshare',
      '-pf',
      '--kill-child',
      '--mount-proc',
      'sh',
      '-c',
      `end() { kill -KILL $1; wait $1 2>/dev/null; }
       again() { number=$1; shift; echo $((number - 1)) > /proc/sys/kernel/ns_last_pid; "$@" & test $! -eq $number || echo "not reused: $!"; }
       asleep() { until [ "$(cat /proc/$1/comm)" = sleep ]; do sleep 0.02; done; }
       ${script}`,
    ],
    { env: { PATH: path } },
  );

describe('a number that was given to another process', () => {
  // The file named first is a FIFO: opening it holds ts-nsenter, whose descriptor of the target is open, until somebody writes.
  const holding = (change: string, takes = '-u') => `
    unshare -u env WHO=first sleep 60 & target=$!; asleep $target
    mkfifo $FIFO; ts-nsenter -t $target --net=$FIFO ${takes} echo started & entering=$!
    until ls -l /proc/$entering/fd 2>/dev/null | grep -q pidfd && grep -q ts-nsenter /proc/$entering/comm; do kill -0 $entering || break; sleep 0.02; done
    ${change}
    exec 5<>$FIFO; wait $entering; echo "status $?"`;
  const held = (change: string, takes?: string) => {
    using folder = temporaryFolder();
    return inPidNamespace(`FIFO=${folder.path}/fifo; ${holding(change, takes)}`);
  };

  test('while the target is being entered: it is not the target', (context) => {
    needs(context, needsRoot);
    // Nor is anything else of the two mixed: what was read of the first with what would be opened of the second.
    for (const takes of ['-u', '-e', '-c', '-G follow', '-a', '-w']) {
      const { stdout, stderr } = held('end $target; again $target unshare -u sleep 61; asleep $target', takes);
      expect(stdout, takes).toBe('status 1\n');
      expect(stderr, takes).toMatch(/^ts-nsenter: target process \d+: No such process\n/);
    }
  });
  test('while the target is being entered and nobody gets its number', (context) => {
    needs(context, needsRoot);
    const { stdout, stderr } = held('end $target');
    expect(stdout).toBe('status 1\n');
    expect(stderr).toMatch(
      /^ts-nsenter: cannot open \/proc\/(\d+)\/ns\/uts: No such file or directory\nts-nsenter: there is no process \1 here/,
    );
  });
  test('the target lives: it is entered', (context) => {
    needs(context, needsRoot);
    using folder = temporaryFolder();
    // What comes out of the FIFO is no namespace, which is seen only after the target was confirmed.
    const { stdout, stderr } = inPidNamespace(`FIFO=${folder.path}/fifo; ${holding('')}`);
    expect(stdout).toBe('status 1\n');
    expect(stderr).toContain("reassociate to namespace 'ns/net' failed: Invalid argument");
  });
  for (const [form, nsenter, path] of [
    ['original names', 'nsenter', compatPath],
    ['our names', 'ts-nsenter', originalPath],
  ] as const)
    test(`PID:inode names one process for ever, ${form}`, (context) => {
      needs(context, needsRoot, needsProgram('python3'));
      const { stdout, stderr } = inPidNamespace(
        `inode() { python3 -c "import os; print(os.fstat(os.pidfd_open($1)).st_ino)"; }
         unshare -u sleep 60 & target=$!; asleep $target; first=$(inode $target)
         ${nsenter} -u -t $target:$first readlink /proc/self/ns/uts; readlink /proc/$target/ns/uts
         end $target; again $target unshare -u sleep 61; asleep $target
         ${nsenter} -u -t $target:$first echo entered; echo "status $?"
         ${nsenter} -u -t $target:$(inode $target) echo "entered the other"`,
        path,
      );
      const [entered, own, ...rest] = stdout.trimEnd().split('\n');
      expect(entered).toBe(own);
      expect(rest).toEqual(['status 1', 'entered the other']);
      expect(stderr).toMatch(
        new RegExp(
          `^${nsenter}: process (\\d+) is not the one with inode \\d+\n${nsenter}: its pidfd has the inode \\d+ now`,
        ),
      );
    });
  test('a target that has ended but was not waited for', (context) => {
    needs(context, needsRoot);
    const { stdout, stderr } = inPidNamespace(`
      sh -c 'sleep 0.1 & echo $!; exec sleep 60' > /tmp/out.$$ & sleep 0.5; zombie=$(cat /tmp/out.$$); rm /tmp/out.$$
      grep State /proc/$zombie/status; ts-nsenter -t $zombie -u echo started; echo "status $?"`);
    expect(stdout).toBe('State:\tZ (zombie)\nstatus 1\n');
    expect(stderr).toMatch(/^ts-nsenter: cannot open \/proc\/\d+\/ns\/uts: No such file or directory\n/);
  });
});

describe.each(WHO)('a target that is elsewhere, $who', ({ uid, own, through }) => {
  const entered = (words: string) => shell(`ts-nsenter ${through} ${words}`, { uid, cwd: '/' });
  test('in another root', () => {
    using root = containerRoot();
    writeFileSync(join(root.path, 'marker'), 'in the root\n');
    const pid = target([`-${own}u`, '--root', root.path], uid);
    expect(entered(`-u -r -w -t ${pid} sh -c 'cat /marker; pwd; hostname'`)).toMatchObject({
      stdout: `in the root\n/\n${hostname()}\n`,
      stderr: '',
    });
    // Without --root it is the target's namespace under our own root.
    expect(entered(`-u -t ${pid} readlink /proc/self/ns/uts`)).toMatchObject({
      stdout: `${readlinkSync(`/proc/${pid}/ns/uts`)}\n`,
      stderr: '',
    });
    expect(entered(`-u -r -t ${pid} ${root.path}/nowhere`)).toMatchObject({ status: 127, stdout: '' });
  });
  test('in another PID namespace: its number is that of ours', () => {
    const pid = target([`-${own}pf`, '--mount-proc'], uid);
    const { stdout, stderr } = entered(
      `-p -m -t ${pid} sh -c 'cat /proc/1/comm; ts-nsenter -u -t ${pid} echo started'`,
    );
    expect(stdout).toBe('sleep\n');
    expect(stderr).toMatch(
      new RegExp(
        `^ts-nsenter: cannot open /proc/${pid}/ns/uts: No such file or directory\nts-nsenter: there is no process ${pid} here: it has ended, or its number is that of another PID namespace\n$`,
      ),
    );
  });
});

test('what fails between a PID namespace and its first process is explained, too', (context) => {
  needs(context, needsRoot);
  const pid = target(['-pf']);
  for (const words of [
    `ts-nsenter -t ${pid} -p -m/etc/passwd true`,
    `TS_HINTS=0 ts-nsenter -t ${pid} -p -m/etc/passwd true`,
  ]) {
    const { status, stderr } = shell(words);
    expect(status).toBe(1);
    expect(stderr.split('\n').slice(0, words.startsWith('TS') ? 2 : 3)).toEqual([
      "ts-nsenter: reassociate to namespace 'ns/mnt' failed: Invalid argument",
      ...(words.startsWith('TS') ? [] : [expect.stringContaining('/etc/passwd is no namespace')]),
      '',
    ]);
  }
  expect(shell('ts-unshare -p -R /nowhere true')).toMatchObject({
    status: 1,
    stderr: "ts-unshare: cannot change root directory to '/nowhere': No such file or directory\n",
  });
  // SIGCHLD ignored: there is nobody to wait for, and nothing else is said.
  expect(shell("trap '' CHLD; ts-unshare -p -R /nowhere true").stderr).toBe(
    "ts-unshare: cannot change root directory to '/nowhere': No such file or directory\n",
  );
});

test('a PID namespace whose first process has ended takes no other', (context) => {
  needs(context, needsRoot);
  using folder = temporaryFolder();
  const script = `mount -t tmpfs none ${folder.path}; touch ${folder.path}/ns; unshare --pid=${folder.path}/ns --fork true
    for nsenter in /usr/bin/nsenter ts-nsenter; do $nsenter --pid=${folder.path}/ns echo started; echo $?; done`;
  const { stdout, stderr } = run(['/usr/bin/unshare', '-m', 'sh', '-c', script]);
  expect(stdout).toBe('1\n1\n');
  expect(stderr).toBe(
    'nsenter: fork failed: Cannot allocate memory\nts-nsenter: fork failed: Cannot allocate memory\n',
  );
});

describe('files of namespaces', () => {
  for (const name of ['with blanks  two', 'line\nend', 'tab\tback\\slash', 'ümläut-名前', ':7', '-n'])
    test(JSON.stringify(name), (context) => {
      needs(context, needsRoot);
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, name));
      const file = join(folder.path, name, name);
      writeFileSync(file, '');
      const { stdout, stderr } = run(
        [
          '/usr/bin/unshare',
          '-m',
          'sh',
          '-c',
          `ts-unshare --uts="$1" ts-hostname odd-name && ts-nsenter --uts="$1" ts-hostname && ts-nsenter -u"$1" ts-hostname
           ts-lsns -rno NSFS -t uts -P; ts-nsenter --net="$1" true; umount "$1"; ts-nsenter --uts="$1" true`,
          'sh',
          file,
        ],
        { cwd: '/' },
      );
      // As the original, raw output shows all but plain ASCII by bytes.
      const escaped = [...Buffer.from(file)]
        .map((byte) =>
          byte <= 0x20 || byte === 0x5c || byte > 0x7e
            ? `\\x${byte.toString(16).padStart(2, '0')}`
            : String.fromCharCode(byte),
        )
        .join('');
      expect(stdout).toBe(`odd-name\nodd-name\n${escaped}\n`);
      expect(stderr).toBe(
        [
          "ts-nsenter: reassociate to namespace 'ns/net' failed: Invalid argument",
          `ts-nsenter: ${file} is a uts namespace: --uts enters it`,
          "ts-nsenter: reassociate to namespace 'ns/uts' failed: Invalid argument",
          `ts-nsenter: ${file} is no namespace: name a file of /proc/PID/ns, or one that such a file is mounted on`,
          '',
        ].join('\n'),
      );
    });
  test.each([
    ['a directory', '-n/tmp', /tmp is no namespace/],
    ['a device', '-n/dev/null', /null is no namespace/],
    ['a file of another kind', '-p/proc/self/ns/uts', /is a uts namespace: --uts enters it/],
    ['one of a target that is none', '-u/proc/self/ns', /is no namespace/],
  ])('%s', (_, words, remedy) => {
    const { status, stdout, stderr } = run(['ts-nsenter', words, 'echo', 'started']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    const [first, second] = stderr.split('\n');
    expect(first).toMatch(/^ts-nsenter: reassociate to namespace 'ns\/\w+' failed: Invalid argument$/);
    expect(second).toMatch(remedy);
  });
});
