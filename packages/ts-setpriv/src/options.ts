import { HELP_OPTIONS, type Option } from '@ts/cli';
import { RESTRICT_FLAGS, RIGHTS } from '@ts/landlock';

const listed = (rights: readonly { readonly name: string; readonly help: string }[]) =>
  rights.map(({ name, help }) => `${name} (${help})`).join(', ');

const who = 'Users and groups';
const caps = 'Capabilities';
const confine = 'Confinement';
const show = 'Questions';
const ours = { group: 'Ours', ours: true } as const;

export const options = [
  { long: 'dump', short: 'd', help: 'show the current state; twice and three times show more', group: show },
  { long: 'list-caps', help: 'list all known capabilities', group: show },
  { long: 'ruid', arg: 'uid|user', help: 'set the real user id', group: who },
  { long: 'euid', arg: 'uid|user', help: 'set the effective and the saved user id', group: who },
  { long: 'reuid', arg: 'uid|user', help: 'set all user ids', group: who },
  { long: 'rgid', arg: 'gid|group', help: 'set the real group id', group: who },
  { long: 'egid', arg: 'gid|group', help: 'set the effective and the saved group id', group: who },
  { long: 'regid', arg: 'gid|group', help: 'set all group ids', group: who },
  { long: 'clear-groups', help: 'have no supplementary groups', group: who },
  { long: 'keep-groups', help: 'keep the supplementary groups', group: who },
  { long: 'init-groups', help: 'have the supplementary groups of the user', group: who },
  { long: 'groups', arg: 'group,...', help: 'have these supplementary groups', group: who },
  {
    long: 'reset-env',
    help: 'clear the environment; set HOME, SHELL, USER, LOGNAME and PATH',
    details:
      'TERM, COLORTERM and NO_COLOR stay. PATH is ENV_PATH of /etc/login.defs, for root ENV_SUPATH or ENV_ROOTPATH; where that is not set, /usr/local/bin:/bin:/usr/bin, for root with the sbin folders.',
    group: who,
  },
  { long: 'inh-caps', arg: 'caps', help: 'change the inheritable capabilities', group: caps },
  { long: 'ambient-caps', arg: 'caps', help: 'change the ambient capabilities', group: caps },
  { long: 'bounding-set', arg: 'caps', help: 'change the capability bounding set', group: caps },
  { long: 'securebits', arg: 'bits', help: 'change the secure bits', group: caps },
  { long: 'nnp', help: 'no execve shall give privileges any more', group: confine },
  { long: 'no-new-privs', help: 'the same as --nnp', group: confine },
  {
    long: 'pdeathsig',
    arg: 'keep|clear|signal',
    help: 'keep, clear or set the signal that comes when the parent ends',
    group: confine,
  },
  { long: 'ptracer', arg: 'pid|any|none', help: 'who may trace the program where Yama restricts it', group: confine },
  { long: 'selinux-label', arg: 'label', help: 'run under an SELinux context', group: confine },
  { long: 'apparmor-profile', arg: 'profile', help: 'run under an AppArmor profile', group: confine },
  {
    long: 'landlock-access',
    arg: 'access',
    repeat: true,
    help: 'refuse accesses: fs, net, scope, or some of them: fs:<right>,...',
    details: `All that are refused can be allowed again by rules. A right of fs may be abbreviated and is then the first one of the list that begins so: "read" is read-file alone. Rights of fs: ${listed(RIGHTS.fs)}. Rights of net: ${listed(RIGHTS.net)}. Scopes, outside of which nothing is allowed: ${listed(RIGHTS.scope)}.`,
    group: confine,
  },
  {
    long: 'landlock-rule',
    arg: 'rule',
    repeat: true,
    help: 'allow some of them all the same: path-beneath:<right>,...:<path> or net-port:<right>,...:<port>',
    group: confine,
  },
  {
    long: 'landlock-restrict-self',
    arg: 'flags',
    repeat: true,
    help: 'what is logged of it: log-same-exec-off, log-new-exec-on, log-subdomains-off',
    details: `Flags: ${listed(RESTRICT_FLAGS)}.`,
    group: confine,
  },
  { long: 'landlock-support', help: 'list what Landlock can do here', group: show },
  { long: 'list-landlock-access', help: 'list the categories of --landlock-access', group: show },
  { long: 'list-landlock-rights', arg: 'access', help: 'list the rights of a category', group: show },
  { long: 'list-landlock-restrict-self-flags', help: 'list the flags of --landlock-restrict-self', group: show },
  { long: 'seccomp-filter', arg: 'file', help: 'load a seccomp filter, raw BPF, from a file', group: confine },
  ...HELP_OPTIONS,
  {
    long: 'landlock-best-effort',
    help: 'leave out rights that this kernel does not know, instead of failing',
    ...ours,
  },
  {
    long: 'file-label',
    arg: 'label=tree',
    repeat: true,
    help: 'give all files of a tree an SELinux label first; a type alone changes just that',
    ...ours,
  },
  { long: 'json', help: 'print what is shown or listed as JSON', ...ours },
] as const satisfies readonly Option[];
