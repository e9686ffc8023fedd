/** setpriv beside util-linux's: output, messages, status, and what the program finds. */
import { describe, expect, test } from 'vitest';
import { batchBoth, expectDifferent } from '../harness/batch.ts';
import { NOBODY } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

/** The state that a program is left with, by the kernel's own words. */
const STATE = `sh -c 'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp):" /proc/self/status; cat /proc/self/oom_score_adj; ulimit -n; umask'`;

/** In a mount namespace where login.defs(5) sets nothing: the installed original does not read it, the newest does. */
const withoutDefaults = (script: string) =>
  `unshare -m sh -c 'mount --bind /dev/null /etc/login.defs && exec "$@"' sh ${script}`;

const ANYBODY = [
  'setpriv',
  'setpriv --nnp',
  'setpriv -d',
  'setpriv -dd',
  'setpriv --dump --dump --dump',
  'setpriv -d true',
  'setpriv -d --nnp',
  'setpriv --list-caps',
  'setpriv --list-caps true',
  'setpriv --list-caps -d',
  'setpriv --nowhere true',
  'setpriv nowhere',
  'setpriv /etc/passwd',
  'setpriv /etc',
  'setpriv --re true',
  'setpriv --reuid',
  'setpriv --reuid x true',
  'setpriv --rgid x --clear-groups true',
  'setpriv --regid nogroup true',
  'setpriv --clear-groups --keep-groups true',
  'setpriv --groups 1 --init-groups true',
  'setpriv --init-groups true',
  'setpriv --reuid 4000 --init-groups true',
  'setpriv --groups x true',
  'setpriv --groups 1,,2 true',
  'setpriv --reuid 1 --reuid 2 true',
  'setpriv --reuid 1 --ruid 1 true',
  'setpriv --rgid 1 --regid 1 true',
  'setpriv --nnp --nnp true',
  'setpriv --no-new-privs --nnp true',
  'setpriv --securebits +noroot --securebits +noroot true',
  'setpriv --inh-caps +kill --inh-caps +kill true',
  'setpriv --inh-caps x true',
  "setpriv --inh-caps '' true",
  'setpriv --inh-caps +foo true',
  'setpriv --inh-caps +cap_99 true',
  'setpriv --bounding-set +foo true',
  'setpriv --ambient-caps +foo true',
  'setpriv --securebits x true',
  'setpriv --securebits +foo true',
  'setpriv --securebits +all true',
  'setpriv --securebits +keep_caps true',
  'setpriv --pdeathsig foo true',
  'setpriv --pdeathsig 15 true',
  'setpriv --pdeathsig SIGTERM setpriv -d',
  'setpriv --pdeathsig usr1 setpriv -d',
  'setpriv --pdeathsig KILL setpriv --pdeathsig keep setpriv -d',
  'setpriv --pdeathsig KILL setpriv --pdeathsig clear setpriv -d',
  'setpriv --nnp setpriv -d',
  `setpriv --nnp ${STATE}`,
  "setpriv --nnp sh -c 'kill -9 $$'",
  "setpriv --nnp sh -c 'exit 7'",
  'setpriv --ruid 0 true',
  'setpriv --reuid 0 --regid 0 --clear-groups true',
  'setpriv --inh-caps +kill true',
  'setpriv --securebits +noroot true',
];

const SETTINGS = [
  '--reuid nobody',
  '--reuid nobody --clear-groups',
  '--reuid 65534 --regid 65534 --clear-groups',
  '--regid 1 --groups 1,2,adm',
  '--regid 1 --keep-groups',
  '--reuid 1 --init-groups',
  '--reuid daemon --regid adm --init-groups',
  '--reuid 4000 --regid 4000 --clear-groups',
  "--reuid ' 5' --regid +5 --groups ' 4,+5'",
  '--ruid 5 --clear-groups',
  '--euid 5',
  '--ruid 5 --euid 6 --clear-groups',
  '--rgid 5 --egid 6 --clear-groups',
  '--rgid 5 --clear-groups',
  '--inh-caps +cap_5,+net_raw',
  '--inh-caps +kill --ambient-caps +kill',
  '--inh-caps +all,-sys_resource --ambient-caps +all',
  '--inh-caps +kill --ambient-caps +kill,-kill',
  '--inh-caps +kill,+net_raw --ambient-caps +kill,+net_raw --reuid 65534 --regid 65534 --clear-groups',
  '--bounding-set -kill',
  '--bounding-set -all,+kill',
  '--bounding-set +sys_resource',
  '--bounding-set -all --inh-caps -all --reuid 65534',
  '--bounding-set=-all --securebits=+noroot --nnp',
  '--securebits +noroot,+noroot_locked',
  '--securebits +no_setuid_fixup --reuid 65534',
  '--securebits +noroot,+no_setuid_fixup,+noroot_locked,+no_setuid_fixup_locked,+keep_caps_locked --inh-caps +kill --ambient-caps +kill',
  '--securebits -all',
  '--securebits +no_setuid_fixup,+keep_caps_locked',
  '--inh-caps +sys_resource',
  '--inh-caps +all',
  '--reuid 65534 --nnp --pdeathsig TERM',
  '--reuid 65534 --reset-env',
];

const ROOT = [
  ...SETTINGS.flatMap((settings) => [`setpriv ${settings} ${STATE}`, `setpriv ${settings} setpriv -ddd`]),
  withoutDefaults('setpriv --reset-env env'),
  withoutDefaults('env TERM=dumb X=1 setpriv --reset-env env'),
  withoutDefaults('env -i /bin/sh -c "exec setpriv --reset-env env"'),
  withoutDefaults('setpriv --reuid 1 --clear-groups --reset-env env'),
  withoutDefaults('setpriv --reuid 4000 --clear-groups --reset-env env'),
  'setpriv --reuid nobody setpriv --reuid 0 true',
  'setpriv --reuid nobody setpriv --clear-groups true',
  'setpriv --inh-caps +kill setpriv --inh-caps +net_raw,-kill setpriv -d',
  'setpriv --securebits +noroot,+noroot_locked setpriv --securebits -noroot true',
  'setpriv --securebits +keep_caps_locked setpriv --reuid 5 true',
  `unshare -r setpriv --reuid 0 --clear-groups ${STATE}`,
  `unshare -r setpriv --inh-caps +net_raw --ambient-caps +net_raw ${STATE}`,
  `unshare -u setpriv --nnp hostname`,
];

const GROUPS = [
  ['anybody, as root', ANYBODY, undefined],
  ['anybody, as an ordinary user', ANYBODY, NOBODY],
  ['root', ROOT, undefined],
  [
    'an ordinary user in a user namespace',
    [
      `unshare -r setpriv ${'--inh-caps +net_raw --ambient-caps +net_raw'} ${STATE}`,
      'unshare -r setpriv --bounding-set -kill setpriv -dd',
      'unshare -r setpriv --clear-groups true',
      'unshare -r setpriv --reuid 5 true',
    ],
    NOBODY,
  ],
] as const;

describe.each(GROUPS)('%s', (_, scripts, uid) => {
  const results = batchBoth(scripts, { uid });
  for (const script of scripts)
    test(script, { timeout: 60_000 }, (context) => {
      needs(context, needsRoot, needsProgram('setpriv', 'unshare'));
      const { theirs, ours } = results(script);
      // Lines with a remedy may follow.
      const says = theirs.status !== 0 && ours.stderr.startsWith(theirs.stderr) ? theirs.stderr : ours.stderr;
      // Where /bin is /usr/bin, an original can be built without the other two.
      const plain = (text: string) => text.replace(/^PATH=.*$/gm, (path) => path.replaceAll(/:\/s?bin(?=:|$)/g, ''));
      expect({ ...ours, stderr: says, stdout: plain(ours.stdout) }, `${script}: ${ours.stderr}`).toEqual({
        ...theirs,
        stdout: plain(theirs.stdout),
      });
    });
});

describe('a step that fails', () => {
  const script = 'setpriv --bounding-set -kill echo ran';
  const results = batchBoth([script], { uid: NOBODY });
  test('an older original runs the program with more than was asked', (context) => {
    needs(context, needsRoot, needsProgram('setpriv'));
    const { theirs, ours } = results(script);
    if (theirs.status === 0) expect(theirs.stdout).toBe('ran\n');
    else expect(theirs).toMatchObject({ status: 127, stdout: '' });
    expect(ours).toMatchObject({ status: 127, stdout: '' });
    expect(ours.stderr).toMatch(
      /^setpriv: apply bounding set: Operation not permitted\nsetpriv: this needs CAP_SETPCAP/,
    );
  });
});

describe('differences', () => {
  const DIFFERENT = [
    [
      'setpriv --ambient-caps +kill echo ran',
      'a name that cannot be raised is an error',
      {
        status: 127,
        stdout: '',
        stderr:
          /^setpriv: cannot raise ambient capability cap_kill: Operation not permitted\nsetpriv: cap_kill must be inheritable, too: --inh-caps \+kill\n$/,
      },
    ],
    [
      'setpriv --reuid 4294967295 echo ran',
      'the kernel would leave it as it is',
      {
        status: 1,
        stdout: '',
        stderr: "setpriv: failed to parse reuid: '4294967295': Numerical result out of range\n",
      },
    ],
    [
      'setpriv --inh-caps +net_rew echo ran',
      'the nearest name',
      { status: 1, stdout: '', stderr: 'setpriv: unknown capability "net_rew"\nsetpriv: did you mean \'net_raw\'?\n' },
    ],
    [
      `printf 'ENV_PATH /usr/bin\n env_path\tPATH="/bin:/usr/bin" # last\nENV_ROOTPATH=/sbin:/usr/bin\n' >defs; unshare -m sh -c 'mount --bind defs /etc/login.defs; setpriv --reset-env env; setpriv --reuid 1 --clear-groups --reset-env env' | grep ^PATH`,
      'as the newest util-linux, PATH from login.defs',
      { status: 0, stdout: 'PATH=/sbin:/usr/bin\nPATH=/bin:/usr/bin\n', stderr: '' },
    ],
    ['setpriv --dump --json', 'JSON', { status: 0, stdout: /^\{\n {2}"uid": 0,/ }],
  ] as const;
  const results = batchBoth(DIFFERENT.map(([script]) => script));
  for (const [script, reason, expected] of DIFFERENT)
    test(`${script}: ${reason}`, (context) => {
      needs(context, needsRoot, needsProgram('setpriv'));
      expectDifferent(results(script), expected);
    });
});
