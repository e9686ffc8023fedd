/** Network namespaces of a test's own, with a /run/netns and an /etc/netns of their own: nothing of the host is seen or touched. */
import { type Result, type RunOptions, run } from './run.ts';

/** A tmpfs on /run and a copy of /etc, both in a mount namespace that ends with the script. */
export const PRIVATE = [
  'mount -t tmpfs tmpfs /run',
  'mkdir /run/etc && cp -a /etc/passwd /etc/group /etc/hosts /run/etc/ && : >/run/etc/resolv.conf',
  'for each in /etc/iproute2 /etc/alternatives; do test -e $each && cp -a $each /run/etc/; done',
  'mount --bind /run/etc /etc',
  'mount -t sysfs sysfs /sys',
].join('\n');

/** Runs a script as root of a network that is its own, with no link but lo. */
export const inNetwork = (script: string, options: RunOptions = {}): Result =>
  run(['unshare', '-n', '-m', '-u', 'sh', '-c', `${PRIVATE}\n${script}`], { timeout: 120_000, ...options });

/** The same for an ordinary user, in a user namespace of its own. */
export const inOwnNetwork = (script: string, options: RunOptions = {}): Result =>
  run(
    ['unshare', '-r', '-n', '-m', 'sh', '-c', `${PRIVATE.replace('cp -a', 'cp').replace('cp -a', 'cp -r')}\n${script}`],
    {
      cwd: '/',
      timeout: 120_000,
      ...options,
    },
  );

/** What differs from run to run: hardware addresses and what comes of them, timers, and what only newer versions print. */
export const withoutChance = (text: string): string =>
  text
    .replace(/ proto kernel_l[lo](?= )/g, '')
    .replace(/"protocol": ?"kernel_l[lo]",\s*/g, '')
    .replace(/((?:gc|hello)_timer"?:?) *[\d.]+/g, '$1 N')
    .replace(/fe80::[0-9a-f:]+/g, 'LINKLOCAL')
    .replace(/(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}/g, 'HARDWARE')
    .replace(/ (tentative|dadfailed)(?= )/g, '')
    .replace(/"tentative": ?true,\s*/g, '');

/** A kind of link that this kernel can make. */
export const needsKind = (kind: string) => (): string | undefined => {
  // Names that abbreviate no word of ip(8).
  const vlan = 'ip link add x0 type veth peer name x1; ip link add link x0 name x2 type vlan id 5';
  const { status } = inNetwork(kind === 'vlan' ? vlan : `ip link add x0 type ${kind}`);
  return status === 0 ? undefined : `the kernel has no links of kind ${kind}`;
};
