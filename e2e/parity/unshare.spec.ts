import { describe, test } from 'vitest';
import { expectSame } from '../harness/parity.ts';
import { isRoot, NOBODY } from '../harness/run.ts';
import { needs, needsRoot } from '../harness/skip.ts';

const IDS =
  'id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups; grep ^Cap /proc/self/status';

const withoutPids = (text: string) => text.replaceAll(/\/proc\/(\d+|self)\//g, '/proc/PID/');

/**
 * Command lines after `unshare`. Left out for a reason: ambiguous abbreviations that name options the installed original lacks;
 * `-r --setgroups=deny`, on which older originals fail; `--monotonic` without `--time`, where their text names -t for -T;
 * a child that SIGKILL has ended, of which older ones make status 1.
 */
const ANYBODY: readonly (readonly string[])[] = [
  ['-Ur', 'sh', '-c', IDS],
  ['-Uc', 'sh', '-c', IDS],
  ['-U', 'sh', '-c', IDS],
  ['--map-user=7', 'sh', '-c', IDS],
  ['--map-group=7', 'sh', '-c', IDS],
  ['--map-user=daemon', '--map-group=daemon', 'sh', '-c', IDS],
  ['--map-user', '5', '--map-user', '6', 'sh', '-c', IDS],
  ['-r', '--keep-caps', 'sh', '-c', IDS],
  ['-c', '--keep-caps', 'sh', '-c', IDS],
  ['-Urm', '--propagation=slave', 'sh', '-c', 'grep -c master: /proc/self/mountinfo'],
  ['-Urm', '--propagation', 'unchanged', 'true'],
  ['-Ur', '--setgroups=allow', 'true'],
  ['-Ur', '--setgroups=maybe', 'true'],
  ['-Ur', '--propagation=odd', 'true'],
  ['-Urpf', '--mount-proc', 'readlink', '/proc/self'],
  ['-UrpfR', '/', 'sh', '-c', 'echo $$'],
  ['-UrR/', '-w', '/usr', 'pwd'],
  ['-UrR/', 'pwd'],
  ['-Ur', '-w/usr', 'pwd'],
  ['-UrR', '/nowhere', 'true'],
  ['-Ur', '-w', '/nowhere', 'true'],
  ['-UrT', '--monotonic', '86400', 'sh', '-c', 'cat /proc/self/timens_offsets'],
  ['-UrT', '--boottime=-5', 'true'],
  ['-UrT', '--monotonic', 'five', 'true'],
  ['-UrS', '0', '-G', '0', 'id'],
  ['-Ur', '-S', 'x', 'true'],
  ['-Ur', '-G', 'x', 'true'],
  ['--map-user=nosuchuser', 'true'],
  ['--map-group=nosuchgroup', 'true'],
  ['--kill-child=15', 'true'],
  ['--kill-child=TERM', '-Ur', 'true'],
  ['--kill-child=sigterm', '-Ur', 'true'],
  ['--kill-child=NOPE', 'true'],
  ['-Urf', 'sh', '-c', 'exit 7'],
  ['-Urf', 'sh', '-c', 'kill -TERM $$'],
  ['-Urf', 'sh', '-c', 'kill -USR1 $$'],
  ['-Ur', 'no-such-program'],
  ['-Ur', '/no/such/program'],
  ['-Ur', '/etc/passwd'],
  ['-Ur', '/etc'],
  ['-Ur', '/etc/passwd/x'],
  ['--frok', 'true'],
  ['-Z', 'true'],
  ['--propa', 'true'],
  ['--root'],
  ['-R'],
  ['--fork=yes', 'true'],
  ['--ut', 'true'],
  ['-Urn', 'sh', '-c', 'cat /proc/net/dev | wc -l'],
  ['-Uru', 'FILE'],
  ['--user', '--map-root-user', '--', 'echo', '-n', 'x'],
];

const ROOT: readonly (readonly string[])[] = [
  ['-u', 'sh', '-c', 'echo x >/proc/sys/kernel/hostname; cat /proc/sys/kernel/hostname'],
  ['-muinpCf', 'true'],
  ['-U', '--setgroups', 'deny', 'sh', '-c', IDS],
  ['-m', '--propagation', 'shared', 'true'],
  ['-S', '65534', '-G', '65534', 'id'],
  ['-p', 'sh', '-c', 'echo $$ >/dev/null; echo ok'],
  ['--user=/nowhere', 'true'],
  ['--uts=/nowhere', 'true'],
];

describe('unshare, as an ordinary user', () => {
  const uid = isRoot ? NOBODY : (process.getuid?.() as number);
  for (const line of ANYBODY)
    test(line.join(' '), () => expectSame(['unshare', ...line], { uid, cwd: '/', normalise: withoutPids }));
});

describe('unshare, as root', () => {
  for (const line of [...ANYBODY, ...ROOT])
    test(line.join(' '), (context) => {
      needs(context, needsRoot);
      expectSame(['unshare', ...line], { cwd: '/', normalise: withoutPids });
    });
});
