import { HELP_OPTIONS, type Option } from '@ts/cli';

export const options = [
  { long: 'all', short: 'a', help: 'unmount all filesystems' },
  { long: 'all-targets', short: 'A', help: 'unmount all mountpoints for the given device in the current namespace' },
  { long: 'no-canonicalize', short: 'c', help: "don't canonicalize paths" },
  { long: 'detach-loop', short: 'd', help: 'if mounted loop device, also free this loop device' },
  { long: 'fake', help: 'dry run; skip the umount(2) syscall' },
  { long: 'force', short: 'f', help: 'force unmount (in case of an unreachable NFS system)' },
  { long: 'internal-only', short: 'i', help: "don't call the umount.<type> helpers" },
  { long: 'no-mtab', short: 'n', help: "don't write to /etc/mtab; it is never written to" },
  { long: 'namespace', short: 'N', arg: 'ns', help: 'unmount in another mount namespace: of a process, or of a file' },
  { long: 'lazy', short: 'l', help: 'detach the filesystem now, clean up things later' },
  { long: 'test-opts', short: 'O', arg: 'list', help: 'limit the set of filesystems (use with -a)' },
  { long: 'recursive', short: 'R', help: 'recursively unmount a target with all its children' },
  { long: 'read-only', short: 'r', help: 'in case unmounting fails, try to remount read-only' },
  { long: 'types', short: 't', arg: 'list', help: 'limit the set of filesystem types' },
  { long: 'verbose', short: 'v', help: 'say what is being done' },
  { long: 'quiet', short: 'q', help: "suppress 'not mounted' error messages" },
  ...HELP_OPTIONS,
  {
    long: 'graceful',
    short: 'g',
    help: 'what is not mounted, or not there, is no failure',
    details: 'As util-linux 2.42 and later.',
    ours: true,
  },
] as const satisfies readonly Option[];
