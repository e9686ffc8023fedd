/**
 * A process never runs with more than was asked: when a step fails, the program is not started.
 *
 * Every call of every tape here is made to fail, with every error that the kernel gives for such calls, and the tape is walked
 * as the runner would play it. Then the same on the kernel: under filters that refuse one call each.
 */
import { join } from 'node:path';
import { parse, type Tool } from '@ts/cli';
import { madeUpWorld } from '@ts/cli/testing';
import { type Entry, errnoOf, formatTape, type Operand, Ref, recording, type Tape } from '@ts/sys';
import { tool as capsh } from 'ts-capsh';
import { tool as prlimit } from 'ts-prlimit';
import { tool as seccomp } from 'ts-seccomp';
import { tool as setcap } from 'ts-setcap';
import { tool as setpriv } from 'ts-setpriv';
import { describe, expect, test } from 'vitest';
import { runBatch } from '../harness/batch.ts';
import { shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsLandlock, needsRoot } from '../harness/skip.ts';

const ALL = (1n << 41n) - 1n;

/** Root with all capabilities, whoever runs the tests; SELinux and AppArmor are there. */
const world = madeUpWorld({
  credentials: {
    uids: { real: 0, effective: 0, saved: 0 },
    sets: { effective: ALL, permitted: ALL, inheritable: 0n },
    securebits: 0,
  },
  environment: ['PATH=/usr/bin:/bin'],
  read: (path) => (path === '/proc/sys/kernel/cap_last_cap' ? '40\n' : undefined),
  exists: (path) => /selinux|apparmor/.test(path),
  user: () => ({ name: 'ann', uid: 1000, gid: 1000, home: '/', shell: '/bin/sh' }),
  group: () => ({ name: 'ann', gid: 1000, members: [] }),
});

const PID = 7;
/** Status of a child that --killit has ended. */
const SIGNAL = 9;

interface Fault {
  readonly at: number;
  readonly errno: number;
}

interface Walk {
  /** The fault was met, and a program was executed after it. */
  readonly executed: boolean;
  /** Of failures that were said. */
  readonly statuses: ReadonlySet<number>;
  /** Numbers of the calls that were made. */
  readonly made: ReadonlySet<number>;
}

/** Plays a tape on paper: calls succeed but for the fault; after a fork both ways are gone. */
function walk({ entries }: Tape, fault?: Fault): Walk {
  const statuses = new Set<number>();
  const made = new Set<number>();
  let executed = false;
  const value = (operand: Operand | undefined, results: readonly number[]) =>
    operand instanceof Ref ? (results[operand.entry] ?? 0) : Number(operand);
  const go = (start: number, before: readonly number[], metBefore: boolean) => {
    const results = [...before];
    let met = metBefore;
    /** A call that stands in for the one that has failed. */
    let awaited: string | undefined;
    for (let next = start; ; ) {
      const at = next++;
      const entry = entries[at] as Entry;
      if (entry.op === 'end') return;
      if (entry.op === 'branch') {
        const [left, right] = [value(entry.left, results), value(entry.right, results)];
        const holds = { equal: left === right, notEqual: left !== right, less: left < right }[entry.condition];
        if (holds) next = entry.label.entry as number;
        continue;
      }
      if (entry.op === 'call') made.add(at);
      if (fault?.at !== at) {
        if (entry.op === 'exec' || entry.op === 'endAsChild') {
          executed ||= entry.op === 'exec' && (met || !fault);
          return;
        }
        results[at] = entry.op === 'wait' ? SIGNAL : 0;
        if (entry.op === 'call' && entry.name === awaited) met = false;
        if (entry.op === 'call' && ['clone', 'clone3'].includes(entry.name)) go(next, results.with(at, PID), met);
        continue;
      }
      met = true;
      results[at] = -fault.errno;
      const { otherwise, failure } = entry;
      const only = otherwise ? otherwise.only : failure?.ignore;
      const isOther = typeof only === 'number' && only !== fault.errno;
      if (otherwise && !isOther) {
        next = otherwise.label.entry as number;
        if (entry.op === 'call') awaited = entry.name;
      } else if ((failure && failure.ignore === undefined) || isOther) {
        statuses.add(failure?.status ?? 0);
        if (!entry.undo) return;
        next = entry.undo.entry as number;
      }
    }
  };
  go(0, [], false);
  return { executed, statuses, made };
}

function record(tool: Tool, words: readonly string[]): Tape {
  const sys = recording(1, true).speakFor(tool.name, tool.name, 1);
  const outcome = tool.apply(tool.plan(parse(tool.options, words, tool.grammar), world), sys, world);
  if ('become' in outcome) sys.or('cannot execute').become(['/program'], outcome.become);
  else sys.end(outcome.exit);
  return sys.finish();
}

const ERRORS = ['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOMEM', 'EBUSY', 'EAGAIN', 'ENOENT', 'EOPNOTSUPP'];

/** Steps that may fail: what is left out then gives the program nothing. By the call as --dry-run shows it. */
const MAY_FAIL: readonly (readonly [call: RegExp, why: string])[] = [
  [/^close\(/, 'the descriptor is closed by execve'],
  [/^prctl\(PR_SET_KEEPCAPS, [01],/, 'execve clears it; capset fails where it was needed'],
  [/^prctl\(PR_CAP_AMBIENT, .*# may fail/, 'of +all and -all, those are changed that can be'],
  [/^faccessat2\(/, 'a look whether there is a program, before the filter is set'],
];

const mayFail = (text: string) => MAY_FAIL.some(([call]) => call.test(text));

const folder = temporaryFolder();
const file = join(folder.path, 'file');
const other = join(folder.path, 'other');
const filter = join(folder.path, 'filter');
shell(`cp /bin/true file && cp file other && printf '\\006\\0\\0\\0\\0\\0\\377\\177' >filter`, { cwd: folder.path });

const TAPES: readonly (readonly [Tool, string])[] = [
  [capsh as Tool, '--drop=cap_kill,cap_chown -- -c true'],
  [capsh as Tool, '--inh=cap_kill --addamb=cap_kill --delamb=cap_kill --noamb -- -c true'],
  [capsh as Tool, '--caps=cap_setpcap+p --drop=cap_kill --inh=cap_kill -- -c true'],
  [capsh as Tool, '--strict --drop=cap_kill --caps=cap_kill+p --secbits=1 -- -c true'],
  [capsh as Tool, '--keep=1 --uid=1000 --gid=1000 --groups=1,2 -- -c true'],
  [capsh as Tool, '--user=ann --cap-uid=1000 --keep=0 -- -c true'],
  [capsh as Tool, '--iab=!cap_kill,^cap_chown -- -c true'],
  [capsh as Tool, '--mode=PURE1E -- -c true'],
  [capsh as Tool, '--mode=NOPRIV -- -c true'],
  [capsh as Tool, '--no-new-privs --secbits=0x2f --chroot=/ -- -c true'],
  [capsh as Tool, '--drop=cap_kill -+ -c true'],
  [capsh as Tool, '--drop=cap_kill --forkfor=9 --killit=9 -- -c true'],
  [setpriv as Tool, '--nnp --reuid 1000 --regid 1000 --init-groups true'],
  [setpriv as Tool, '--ruid 5 --euid 6 --rgid 7 --egid 8 --groups 4,5 true'],
  [setpriv as Tool, '--clear-groups --securebits +noroot,+noroot_locked true'],
  [setpriv as Tool, '--bounding-set -all --inh-caps -all true'],
  [setpriv as Tool, '--inh-caps +kill,+chown --ambient-caps +kill,-chown true'],
  [setpriv as Tool, '--inh-caps +all --ambient-caps +chown,-all,+all true'],
  [setpriv as Tool, '--pdeathsig KILL --ptracer none --reset-env true'],
  [setpriv as Tool, '--selinux-label u:r:t:s0 --nnp true'],
  [setpriv as Tool, '--apparmor-profile box true'],
  [setpriv as Tool, `--seccomp-filter ${filter} true`],
  [
    setpriv as Tool,
    '--landlock-access fs --landlock-access net --landlock-rule path-beneath:read-file:/usr --landlock-rule net-port::80 true',
  ],
  [prlimit as Tool, '--nofile=9:10 --core=0 --cpu=5 true'],
  [seccomp as Tool, '--profile default true'],
  [seccomp as Tool, '--profile strict --no-new-privs true'],
  [seccomp as Tool, '--allow-only execve,exit_group true'],
  [setcap as Tool, `cap_kill=p ${file} cap_chown=p ${other} -- true`],
];

describe('each call fails, with each error', () => {
  for (const [tool, words] of TAPES)
    test(`${tool.name} ${words.replaceAll(folder.path, '')}`, (context) => {
      needs(context, needsLandlock(4));
      const tape = record(tool, words.split(' '));
      const whole = walk(tape);
      expect(whole.executed).toBe(true);
      const lines = formatTape(tape).split('\n');
      const text = (at: number) => (lines[at] ?? '').replace(/^ *\d+: /, '');
      let failing = 0;
      for (const at of whole.made)
        for (const error of ERRORS) {
          const { executed, statuses } = walk(tape, { at, errno: errnoOf(error) });
          if (mayFail(text(at))) continue;
          expect({ call: text(at), error, executed }).toEqual({ call: text(at), error, executed: false });
          expect([...statuses].every((status) => status > 0)).toBe(true);
          failing++;
        }
      expect(failing, lines.join('\n')).toBeGreaterThan(ERRORS.length - 1);
    });
});

const OPTIONS = {
  PR_SET_PDEATHSIG: 1,
  PR_SET_KEEPCAPS: 8,
  PR_CAPBSET_DROP: 24,
  PR_SET_SECUREBITS: 28,
  PR_SET_NO_NEW_PRIVS: 38,
  PR_CAP_AMBIENT: 47,
} as const;
type Option = keyof typeof OPTIONS;

/** A profile that refuses one call, where its argument has this value. */
const refusing = (call: string, index?: number, value?: number) =>
  JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      {
        names: [call],
        action: 'SCMP_ACT_ERRNO',
        errno: 'EIO',
        args: index === undefined ? [] : [{ index, value, op: 'SCMP_CMP_EQ' }],
      },
    ],
  });
const option = (name: Option): Refused => [name, refusing('prctl', 0, OPTIONS[name])];
const call = (name: string, index?: number, value?: number): Refused => [name, refusing(name, index, value)];
type Refused = readonly [name: string, profile: string];

const RLIMIT_CORE = 4;
const LIVE: readonly (readonly [string, readonly Refused[]])[] = [
  [
    'ts-setpriv --reuid 65534 --regid 65534 --clear-groups',
    [option('PR_SET_KEEPCAPS'), call('capset'), call('setresuid'), call('setresgid'), call('setgroups')],
  ],
  [
    'ts-setpriv --nnp --inh-caps +kill --ambient-caps +kill --bounding-set -chown --securebits +noroot --pdeathsig KILL',
    [
      option('PR_SET_NO_NEW_PRIVS'),
      call('capset'),
      option('PR_CAP_AMBIENT'),
      option('PR_CAPBSET_DROP'),
      option('PR_SET_SECUREBITS'),
      option('PR_SET_PDEATHSIG'),
    ],
  ],
  ['ts-setpriv --seccomp-filter filter', [option('PR_SET_NO_NEW_PRIVS'), call('seccomp', 0, 1)]],
  [
    'ts-setpriv --landlock-access fs:make-dir --landlock-access net --landlock-rule path-beneath::/ --landlock-rule net-port::80',
    [
      call('landlock_create_ruleset', 2, 0),
      call('landlock_add_rule', 1, 1),
      call('landlock_add_rule', 1, 2),
      option('PR_SET_NO_NEW_PRIVS'),
      call('landlock_restrict_self'),
    ],
  ],
  ['ts-prlimit --core=0', [call('prlimit64', 1, RLIMIT_CORE)]],
  ['ts-seccomp --no-new-privs --deny reboot', [option('PR_SET_NO_NEW_PRIVS'), call('seccomp', 0, 1)]],
  ['ts-setcap cap_kill=p file --', [call('setxattr')]],
  [
    'ts-capsh --shell=/bin/echo --drop=cap_kill --inh=cap_chown --addamb=cap_chown --secbits=0x40 --no-new-privs --groups=1 --gid=1 --uid=1 --',
    [
      option('PR_CAPBSET_DROP'),
      call('capset'),
      option('PR_CAP_AMBIENT'),
      option('PR_SET_SECUREBITS'),
      option('PR_SET_NO_NEW_PRIVS'),
      call('setgroups'),
      call('setgid'),
      call('setuid'),
    ],
  ],
  ['ts-capsh --shell=/bin/echo --mode=NOPRIV --', [option('PR_SET_SECUREBITS'), option('PR_CAPBSET_DROP')]],
  ['ts-capsh --shell=/bin/echo --user=nobody --chroot=/ --', [call('setuid'), call('setgroups'), call('chroot')]],
  ['ts-capsh --shell=/bin/echo --iab=!cap_kill,^cap_chown --', [option('PR_CAP_AMBIENT'), option('PR_CAPBSET_DROP')]],
  // With something that looks before it, all is done live.
  ['ts-capsh --has-p=0 --shell=/bin/echo --drop=cap_kill --uid=1 --', [option('PR_CAPBSET_DROP'), call('setuid')]],
];

describe('on the kernel: each call refused', () => {
  const cases = LIVE.flatMap(([command, all]) => [
    { command, name: 'nothing', script: `${command} ${command.includes('capsh') ? '' : 'echo '}ran` },
    ...all.map(([name, profile]) => ({
      command,
      name,
      script: `echo '${profile}' >profile; ts-seccomp --profile ./profile ${command} ${command.includes('capsh') ? '' : 'echo '}ran`,
    })),
  ]);
  const before = `cp /bin/true file; printf '\\006\\0\\0\\0\\0\\0\\377\\177' >filter`;
  let results: ReturnType<typeof runBatch> | undefined;
  cases.forEach(({ command, name }, index) => {
    test(`${command}: ${name}`, (context) => {
      needs(context, needsRoot, needsLandlock(4));
      results ??= runBatch(
        cases.map(({ script }) => script),
        'ours',
        { before },
      );
      const { status, stdout, stderr } = results[index] as (typeof results)[number];
      if (name === 'nothing') expect([status, stdout, stderr]).toEqual([0, 'ran\n', '']);
      else {
        expect([stdout, stderr.split('\n')[0]]).toEqual(['', expect.stringMatching(/: Input\/output error$/)]);
        expect(status).toBeGreaterThan(0);
      }
    });
  });
});
