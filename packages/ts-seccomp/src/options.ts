import { HELP_OPTIONS, type Option } from '@ts/cli';

export const options = [
  {
    long: 'profile',
    arg: 'file',
    help: 'filter by the rules of a profile: a JSON file, "default" or "strict"',
    details:
      'A file in the form of container engines: defaultAction, defaultErrnoRet, architectures or archMap, flags, and syscalls with names, action, errnoRet, args, includes and excludes. "default" is the engines’ own profile; "strict" leaves out of it other processes, changes of ids and owners, the network, and what needs a capability. A file of these names is written with a slash.',
  },
  {
    long: 'ignore-unknown',
    help: 'pass over system calls, architectures and capabilities in a profile that are not known here',
    details:
      'As container runtimes do. Without it such a name is an error, since it may be misspelt. What a rule would have done with the call is left to defaultAction then.',
  },
  {
    long: 'deny',
    arg: 'call[=error],...',
    repeat: true,
    help: 'refuse these system calls, with EPERM or that error',
    details:
      'Names are the kernel’s: umount2, where umount is meant. In place of an error: kill, kill_thread, trap. What a profile says of the call counts no more. Without --profile and --allow-only all other calls are allowed.',
  },
  {
    long: 'allow-only',
    arg: 'call,...',
    repeat: true,
    help: 'refuse all system calls but these, with EPERM',
    details: 'The program’s own start is among what is refused: execve must be allowed, and exit_group.',
  },
  {
    long: 'log',
    arg: 'call,...',
    optional: true,
    repeat: true,
    help: 'have refusals logged by the kernel; of these system calls, have them made and logged',
    details:
      'Refusals: all that is not simply allowed, as far as /proc/sys/kernel/seccomp/actions_logged names the action.',
  },
  {
    long: 'caps',
    arg: 'list',
    help: 'choose a profile’s rules for these capabilities',
    details:
      'Names separated by commas, "all", "none", or "bounding" for those of the process’s own bounding set. Without it, the 14 that container engines leave to a container.',
  },
  {
    long: 'no-new-privs',
    help: 'let no program gain privileges by execve',
    details: 'Without CAP_SYS_ADMIN the kernel takes a filter only so; then it is set in any case.',
  },
  {
    long: 'dump',
    arg: 'form',
    optional: true,
    help: 'print the compiled filter and exit; "raw": its bytes; "profile": the rules as JSON',
    details:
      'The bytes are those that setpriv --seccomp-filter and bwrap --seccomp take; the rules can be changed and given to --profile.',
  },
  {
    long: 'check',
    arg: 'call',
    repeat: true,
    help: 'print what a system call gets and exit',
    details: 'A name, a number, or a name with arguments: "personality(0xffffffff)".',
  },
  { long: 'arch', arg: 'name', help: 'with --dump and --check: on a machine of this architecture' },
  { long: 'json', help: 'with --dump and --check: print JSON' },
  ...HELP_OPTIONS,
] as const satisfies readonly Option[];
