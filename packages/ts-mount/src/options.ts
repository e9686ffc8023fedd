import { HELP_OPTIONS, type Option, type Parsed } from '@ts/cli';

const mark = <const Long extends string>(long: Long, what: string) =>
  ({
    long: `make-${long}` as `make-${Long}`,
    help: `${what} as ${long.replace(/^r/, '')}`,
    group: 'Operations',
  }) as const;

export const options = [
  { long: 'all', short: 'a', help: 'mount all filesystems mentioned in fstab' },
  { long: 'no-canonicalize', short: 'c', help: "don't canonicalize paths" },
  { long: 'fake', short: 'f', help: 'dry run; skip the mount(2) syscall' },
  {
    long: 'fork',
    short: 'F',
    help: 'with -a: say that mounts were begun, not that they are there',
    details: 'They are made one after the other all the same.',
  },
  { long: 'fstab', short: 'T', arg: 'path', help: 'alternative file to /etc/fstab' },
  { long: 'internal-only', short: 'i', help: "don't call the mount.<type> helpers" },
  { long: 'show-labels', short: 'l', help: 'show also filesystem labels' },
  {
    long: 'mkdir',
    short: 'm',
    arg: 'mode',
    optional: true,
    help: "make the mount point; alias to '-o X-mount.mkdir[=<mode>]'",
  },
  {
    long: 'map-users',
    arg: 'inner:outer:count',
    repeat: true,
    help: 'show owners otherwise: ids on disk from <inner> on as those from <outer> on',
    details:
      'Alias to an entry of `-o X-mount.idmap=`; instead of a range the file of a user namespace (/proc/PID/ns/user).',
  },
  { long: 'map-groups', arg: 'inner:outer:count', repeat: true, help: 'the same for groups' },
  { long: 'no-mtab', short: 'n', help: "don't write to /etc/mtab; it is never written to" },
  { long: 'namespace', short: 'N', arg: 'ns', help: 'mount in another mount namespace: of a process, or of a file' },
  { long: 'onlyonce', help: 'fail where the filesystem is mounted there already' },
  {
    long: 'options-mode',
    arg: 'mode',
    help: 'options loaded from fstab: ignore them, append or prepend them to those given, or replace them',
  },
  { long: 'options-source', arg: 'source', help: 'where options are loaded from: fstab, mtab, disable' },
  { long: 'options-source-force', help: 'load options from fstab even if source and target are given' },
  { long: 'options', short: 'o', arg: 'list', repeat: true, help: 'comma-separated list of mount options' },
  { long: 'test-opts', short: 'O', arg: 'list', help: 'limit the set of filesystems (use with -a)' },
  { long: 'read-only', short: 'r', help: 'mount the filesystem read-only (same as -o ro)' },
  { long: 'ro', help: 'the same as --read-only', hidden: true },
  {
    long: 'sloppy',
    short: 's',
    shortOnly: true,
    help: 'tolerate sloppy options: for mount helpers',
  },
  { long: 'types', short: 't', arg: 'list', help: 'limit the set of filesystem types' },
  { long: 'source', arg: 'src', help: 'explicitly specifies source (path, label, uuid)' },
  { long: 'target', arg: 'target', help: 'explicitly specifies mountpoint' },
  { long: 'target-prefix', arg: 'path', help: 'specifies path used for all mountpoints' },
  { long: 'verbose', short: 'v', help: 'say what is being done' },
  { long: 'rw', short: 'w', help: 'mount the filesystem read-write (default)' },
  { long: 'read-write', help: 'the same as --rw', hidden: true },
  { long: 'label', short: 'L', arg: 'label', help: 'synonym for LABEL=<label>', group: 'Source' },
  { long: 'uuid', short: 'U', arg: 'uuid', help: 'synonym for UUID=<uuid>', group: 'Source' },
  { long: 'bind', short: 'B', help: 'mount a subtree somewhere else (same as -o bind)', group: 'Operations' },
  { long: 'move', short: 'M', help: 'move a subtree to some other place', group: 'Operations' },
  { long: 'rbind', short: 'R', help: 'mount a subtree and all submounts somewhere else', group: 'Operations' },
  mark('shared', 'mark a subtree'),
  mark('slave', 'mark a subtree'),
  mark('private', 'mark a subtree'),
  mark('unbindable', 'mark a subtree'),
  mark('rshared', 'recursively mark a whole subtree'),
  mark('rslave', 'recursively mark a whole subtree'),
  mark('rprivate', 'recursively mark a whole subtree'),
  mark('runbindable', 'recursively mark a whole subtree'),
  ...HELP_OPTIONS,
  {
    long: 'beneath',
    help: 'mount under the mount that is there: it is seen when that goes',
    details: 'Since Linux 6.5. As util-linux 2.42 and later.',
    ours: true,
  },
  {
    long: 'exclusive',
    help: 'fail where the file system is in use already, instead of sharing it',
    details: 'Since Linux 6.6. As util-linux 2.42 and later.',
    ours: true,
  },
  {
    long: 'also',
    help: 'begin another mount: options, source and target of its own',
    details:
      'All of them are made in this order; when one fails, those before it are taken back, with the folders made for them. -N, -f and -v hold for all.',
    repeat: true,
    group: 'Ours',
    ours: true,
  },
  { long: 'json', help: 'list the mounts as JSON', group: 'Ours', ours: true },
] as const satisfies readonly Option[];

export type Input = Parsed<typeof options>;
