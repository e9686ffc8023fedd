import { HELP_AND_OUR_VERSION, type Option } from '@ts/cli';

/** Key of a word that is no option, as getopt(3) names it. */
export const UNKNOWN = '?';

/** No argument is taken from the next word. */
const attached = true;

const look = 'Questions';
const change = 'Changes';
const end = 'Ends';

export const options = [
  { long: 'addamb', arg: 'list', attached, help: 'add capabilities to the ambient set', group: change },
  { long: 'cap-uid', arg: 'uid', attached, help: 'set all user ids and keep the permitted set', group: change },
  {
    long: 'caps',
    arg: 'text',
    attached,
    help: 'set the capability sets, as cap_from_text(3) reads them',
    group: change,
  },
  {
    long: 'chroot',
    arg: 'path',
    attached,
    help: 'change the root directory, and the working directory to it',
    group: change,
  },
  { long: 'current', help: 'print the capability sets and the IAB vectors', group: look },
  { long: 'decode', arg: 'mask', attached, help: 'print the capabilities of a hexadecimal mask', group: look },
  { long: 'delamb', arg: 'list', attached, help: 'remove capabilities from the ambient set', group: change },
  { long: 'drop', arg: 'list', attached, help: 'drop capabilities from the bounding set', group: change },
  { long: 'explain', arg: 'capability', attached, help: 'say what a capability allows', group: look },
  { long: 'forkfor', arg: 'seconds', attached, help: 'start a child that sleeps so long', group: change },
  { long: 'gid', arg: 'gid', attached, help: 'set the group id', group: change },
  { long: 'groups', arg: 'list', attached, help: 'set the supplementary groups, names or numbers', group: change },
  { long: 'has-a', arg: 'capability', attached, help: 'end with 1 unless it is ambient', group: look },
  { long: 'has-ambient', help: 'end with 1 unless the kernel has an ambient set', group: look },
  { long: 'has-b', arg: 'capability', attached, help: 'end with 1 unless it is in the bounding set', group: look },
  { long: 'has-i', arg: 'capability', attached, help: 'end with 1 unless it is inheritable', group: look },
  { long: 'has-no-new-privs', help: 'end with 1 unless no-new-privs is set', group: look },
  { long: 'has-p', arg: 'capability', attached, help: 'end with 1 unless it is permitted', group: look },
  ...HELP_AND_OUR_VERSION,
  {
    long: 'iab',
    arg: 'text',
    attached,
    help: 'set the IAB vectors, as cap_iab_from_text(3) reads them',
    group: change,
  },
  { long: 'inh', arg: 'list', attached, help: 'set the inheritable set', group: change },
  { long: 'inmode', arg: 'mode', attached, help: 'end with 1 unless this is the mode', group: look },
  { long: 'is-gid', arg: 'gid', attached, help: 'end with 1 unless this is the group id', group: look },
  { long: 'is-uid', arg: 'uid', attached, help: 'end with 1 unless this is the user id', group: look },
  { long: 'keep', arg: '0|1', attached, help: 'keep capabilities when the user ids change', group: change },
  {
    long: 'killit',
    arg: 'signal',
    attached,
    help: 'send a signal to the child of --forkfor and wait for it',
    group: change,
  },
  { long: 'license', help: 'show the licence, and end', group: look },
  { long: 'mode', arg: 'mode', optional: true, help: 'set a mode; without one, print it', group: change },
  { long: 'modes', help: 'print the modes that can be set', group: look },
  { long: 'no-new-privs', help: 'no execve shall give privileges any more', group: change },
  { long: 'noamb', help: 'empty the ambient set', group: change },
  { long: 'noenv', help: 'leave HOME and USER as they are (for --user)', group: change },
  { long: 'print', help: 'print all state that has to do with capabilities', group: look },
  { long: 'quiet', help: 'accepted; there is no warning that it could silence', group: look, ignored: true },
  { long: 'secbits', arg: 'number', attached, help: 'set the secure bits', group: change },
  { long: 'shell', arg: 'path', attached, help: 'the shell for -- and -+ instead of /bin/bash', group: end },
  { long: 'strict', help: 'toggle: do not make CAP_SETPCAP effective for --caps, --drop and --inh', group: change },
  { long: 'suggest', arg: 'phrase', attached, help: 'say which capabilities have to do with it', group: look },
  { long: 'supports', arg: 'capability', attached, help: 'end with 1 unless the kernel has it', group: look },
  { long: 'uid', arg: 'uid', attached, help: 'set the user id', group: change },
  { long: 'user', arg: 'name', attached, help: 'set user id, group id and groups to those of a user', group: change },
  { long: 'json', help: 'print what is printed as JSON, one object a line', group: 'Ours', ours: true },
  { long: UNKNOWN, arg: 'word', help: 'a word that is no option', hidden: true },
] as const satisfies readonly Option[];

/** Words that end the options. What follows them is for the shell, or for capsh again; those with "+" fork first. */
export const ENDS: Readonly<Record<string, { readonly what: 'shell' | 'self'; readonly fork: boolean }>> = {
  '--': { what: 'shell', fork: false },
  '-+': { what: 'shell', fork: true },
  '==': { what: 'self', fork: false },
  '=+': { what: 'self', fork: true },
};
