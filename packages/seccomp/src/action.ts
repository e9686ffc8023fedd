/** What a filter can do with a call: the value that it returns, and how that reads. */
import {
  errnoName,
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from '@ts/sys';

/** SECCOMP_RET_* with its data: 32 bits, unsigned. */
export type Action = number;

/** Names of actions in profiles. */
export const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ['SCMP_ACT_ALLOW', SECCOMP_RET_ALLOW],
  ['SCMP_ACT_ERRNO', SECCOMP_RET_ERRNO],
  ['SCMP_ACT_KILL', SECCOMP_RET_KILL_THREAD],
  ['SCMP_ACT_KILL_THREAD', SECCOMP_RET_KILL_THREAD],
  ['SCMP_ACT_KILL_PROCESS', SECCOMP_RET_KILL_PROCESS],
  ['SCMP_ACT_LOG', SECCOMP_RET_LOG],
  ['SCMP_ACT_NOTIFY', SECCOMP_RET_USER_NOTIF],
  ['SCMP_ACT_TRACE', SECCOMP_RET_TRACE],
  ['SCMP_ACT_TRAP', SECCOMP_RET_TRAP],
]);

/** The kernel's words for them, as in /proc/sys/kernel/seccomp/actions_avail. */
const WORDS = new Map<Action, string>([
  [SECCOMP_RET_ALLOW, 'allow'],
  [SECCOMP_RET_ERRNO, 'errno'],
  [SECCOMP_RET_KILL_THREAD, 'kill_thread'],
  [SECCOMP_RET_KILL_PROCESS, 'kill_process'],
  [SECCOMP_RET_LOG, 'log'],
  [SECCOMP_RET_USER_NOTIF, 'user_notif'],
  [SECCOMP_RET_TRACE, 'trace'],
  [SECCOMP_RET_TRAP, 'trap'],
]);

/** The action without its data. */
export const kindOf = (action: Action): Action => (action & SECCOMP_RET_ACTION_FULL) >>> 0;

export const dataOf = (action: Action): number => action & SECCOMP_RET_DATA;

export const actionWord = (action: Action): string => WORDS.get(kindOf(action)) ?? `0x${kindOf(action).toString(16)}`;

/** `allow`, `errno(EPERM)`, `kill_process`. */
export function formatAction(action: Action): string {
  const word = actionWord(action);
  if (kindOf(action) === SECCOMP_RET_ERRNO) return `${word}(${errnoName(dataOf(action))})`;
  return dataOf(action) ? `${word}(${dataOf(action)})` : word;
}

/** Whether the call is made. */
export const lets = (action: Action): boolean =>
  kindOf(action) === SECCOMP_RET_ALLOW || kindOf(action) === SECCOMP_RET_LOG;
