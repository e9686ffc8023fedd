/** Why the kernel refuses, as far as it can be read. */
import { lacking } from '@ts/capabilities';
import type { Cause } from '@ts/cli';
import { statIfThere } from '@ts/sys';

const isFile = (path: string) => (statIfThere(path)?.type ?? 'directory') !== 'directory';

export const causes: readonly Cause[] = [
  lacking('be root, or do it in a user namespace of your own: ts-unshare --map-root-user ts-setpriv …'),
  {
    of: 'setgroups',
    errors: ['EPERM'],
    probe: ([held], world) => {
      if (world.read('/proc/self/setgroups')?.trim() === 'deny')
        return 'this user namespace denies setgroups: leave the groups as they are with --keep-groups, or map groups with newgidmap';
      return held === 'lacking' ? lacking('be root').probe(['cap_setgid'], world) : undefined;
    },
  },
  {
    of: 'inheritable',
    errors: ['EPERM'],
    probe: ([name]) =>
      name &&
      `${name} can become inheritable only where it is permitted, or with CAP_SETPCAP: this process has neither of them`,
  },
  {
    of: 'ambient',
    errors: ['EPERM'],
    probe: ([name = '', ...missing]) => {
      const short = name.replace(/^cap_/, '');
      if (missing.includes('permitted')) return `${name} is not permitted, so it cannot become ambient`;
      return missing.length ? `${name} must be inheritable, too: --inh-caps +${short}` : undefined;
    },
  },
  {
    of: 'ptracer',
    errors: ['EINVAL'],
    probe: ([pid = ''], world) => {
      if (!world.exists('/proc/sys/kernel')) return undefined;
      if (!world.exists('/proc/sys/kernel/yama')) return 'this kernel does not run Yama';
      return /^[1-9]/.test(pid) && !world.exists(`/proc/${pid}`) ? `there is no process ${pid}` : undefined;
    },
  },
  {
    of: 'seccomp',
    errors: ['EINVAL'],
    probe: ([end], world) => {
      if (end === 'endless') return 'a filter must end with a return';
      const isMissing = world.exists('/proc/sys/kernel') && !world.exists('/proc/sys/kernel/seccomp');
      return isMissing ? 'this kernel has no seccomp filters' : undefined;
    },
  },
  {
    of: 'landlock-rule',
    errors: ['EINVAL'],
    probe: (words) =>
      isFile(words.join(' '))
        ? `'${words.join(' ')}' is no folder: its rule may name only execute, read-file, write-file, truncate, ioctl-dev and resolve-unix`
        : undefined,
  },
  {
    of: 'label',
    errors: ['EINVAL', 'ENOENT'],
    probe: ([module, ...words]) =>
      module === 'SELinux'
        ? `the loaded policy knows no context '${words.join(' ')}'; a whole one is user:role:type[:level], as id -Z prints it`
        : `no profile '${words.join(' ')}' is loaded; /sys/kernel/security/apparmor/profiles lists those that are`,
  },
  {
    of: 'label',
    errors: ['EACCES', 'EPERM'],
    probe: ([module, ...words]) => `${module} does not let this process change to '${words.join(' ')}'`,
  },
  {
    of: 'file-label',
    errors: ['EINVAL'],
    probe: ([label]) => `the loaded policy knows no label '${label}'`,
  },
  {
    of: 'file-label',
    errors: ['EOPNOTSUPP'],
    probe: ([, ...words]) =>
      `the file system of '${words.join(' ')}' keeps no labels, or has been mounted with one for all: mount -o context=…`,
  },
];
