/** Why the kernel refuses, as far as it can be read. */
import { statSync } from 'node:fs';
import { lacking } from '@ts/capabilities';
import type { Cause } from '@ts/cli';
import { encode } from '@ts/sys';

const isFile = (path: string) => statSync(encode(path), { throwIfNoEntry: false })?.isDirectory() === false;

export const causes: readonly Cause[] = [
  lacking('be root, or do it in a user namespace of your own: ts-unshare --map-root-user ts-setpriv …'),
  {
    of: 'setgroups',
    errors: ['EPERM'],
    probe: (_, world) =>
      world.read('/proc/self/setgroups')?.trim() === 'deny'
        ? 'this user namespace denies setgroups: leave the groups as they are with --keep-groups, or map groups with newgidmap'
        : lacking('be root').probe(['cap_setgid'], world),
  },
  {
    of: 'inheritable',
    errors: ['EPERM'],
    probe: () =>
      'a capability can become inheritable only where it is in the bounding set, and permitted or CAP_SETPCAP effective',
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
    probe: (_, world) =>
      world.exists('/proc/sys/kernel/yama/ptrace_scope') ? 'there is no such process' : 'this kernel does not run Yama',
  },
  {
    of: 'seccomp',
    errors: ['EINVAL'],
    probe: (_, world) =>
      world.exists('/proc/sys/kernel/seccomp')
        ? 'the kernel does not take this filter: not classic BPF for seccomp, or without a return at its end'
        : 'this kernel has no seccomp filters',
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
