/** System calls as strace(1) prints them: symbolic flags, quoted text, results with the error's name. */
import { decode } from './bytes.ts';
import { CALLS, type Call } from './calls.ts';
import * as at from './const/at.ts';
import * as bpf_cmd from './const/bpf_cmd.ts';
import * as cap_ambient from './const/cap_ambient.ts';
import * as clone from './const/clone.ts';
import * as fcntl from './const/fcntl.ts';
import * as flock from './const/flock.ts';
import * as fsconfig from './const/fsconfig.ts';
import * as fsmount from './const/fsmount.ts';
import * as fsopen from './const/fsopen.ts';
import * as fspick from './const/fspick.ts';
import * as memfd from './const/memfd.ts';
import * as mode from './const/mode.ts';
import * as mount from './const/mount.ts';
import * as mount_attr from './const/mount_attr.ts';
import * as move_mount from './const/move_mount.ts';
import * as nsfs from './const/nsfs.ts';
import * as open from './const/open.ts';
import * as open_tree from './const/open_tree.ts';
import * as prctl from './const/prctl.ts';
import * as rlimit from './const/rlimit.ts';
import * as seccomp from './const/seccomp.ts';
import * as seccomp_filter from './const/seccomp_filter.ts';
import * as sigmask from './const/sigmask.ts';
import * as signal from './const/signal.ts';
import * as umount from './const/umount.ts';
import * as wait from './const/wait.ts';
import * as xattr from './const/xattr.ts';
import { errnoName, strerror } from './errno.ts';
import { Block, MadeText, type Operand, PointerArray, Ref, wordsFor } from './operand.ts';
import { quote } from './quote.ts';

type Names = Readonly<Record<string, number>>;

/** Operands that are or'ed flags. */
const FLAGS: Readonly<Record<string, Names>> = {
  clone,
  flock,
  fsmount,
  fsopen,
  fspick,
  memfd,
  mount,
  mount_attr,
  move_mount,
  open_tree,
  seccomp_filter,
  umount,
  wait,
  xattr,
};
/** Operands that are one name out of a table. */
const ENUMS: Readonly<Record<string, Names>> = {
  bpf_cmd,
  fcntl,
  fsconfig,
  prctl,
  rlimit,
  seccomp,
  sigmask,
  signal,
  ioctl: nsfs,
};

const nameOf = (names: Names, value: number) => Object.keys(names).find((name) => names[name] === value);

/** Names of the bits that are set, what has no name in hexadecimal; "0" for none. */
export function formatFlags(names: Names, value: number): string {
  let rest = value >>> 0;
  const found: string[] = [];
  for (const name of Object.keys(names)) {
    const bit = (names[name] as number) >>> 0;
    if (bit && (rest & bit) >>> 0 === bit) {
      found.push(name);
      rest = (rest & ~bit) >>> 0;
    }
  }
  if (rest) found.push(`0x${rest.toString(16)}`);
  return found.length ? found.join('|') : '0';
}

function formatOpen(value: number): string {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', '3'][value & 3] as string;
  const { O_RDONLY, O_WRONLY, O_RDWR, ...bits } = open;
  const rest = formatFlags(Object.fromEntries(Object.entries(bits).sort(([, a], [, b]) => b - a)), value & ~3);
  return rest === '0' ? access : `${access}|${rest}`;
}

const formatAtFlags = (value: number) => {
  const { AT_FDCWD, AT_EACCESS, ...bits } = at;
  return formatFlags(bits, value);
};

function formatPointer(operand: Block): string {
  if (!(operand instanceof PointerArray)) return '{...}';
  return `[${operand.pointers.map(([, target]) => formatData(target)).join(', ')}]`;
}

function formatData(operand: Operand): string {
  if (operand === null) return 'NULL';
  if (typeof operand === 'string') return quote(operand);
  if (operand instanceof Block) return formatPointer(operand);
  if (operand instanceof MadeText) return quote(operand.shown);
  if (operand instanceof Uint8Array) return quote(decode(operand));
  return String(operand);
}

function formatOperand(kind: string, operand: Operand, operands: readonly Operand[]): string {
  if (operand === null) return kind === 'int' || kind === 'fd' ? '0' : 'NULL';
  if (operand instanceof Ref) return `\u0001${operands.indexOf(operand)}`;
  if (operand instanceof MadeText) return `"\u0002${operands.indexOf(operand)}"`;
  if (operand instanceof Block) return formatPointer(operand);
  if (operand instanceof Uint8Array)
    return kind === 'out' ? '...' : kind === 'ptr' ? `{${wordsFor(operand) ?? '...'}}` : quote(decode(operand));
  if (typeof operand === 'string') return quote(operand);
  const value = Number(operand);
  if (kind === 'at' && value === at.AT_FDCWD) return 'AT_FDCWD';
  if (kind === 'open') return formatOpen(value);
  if (kind === 'at_flags') return formatAtFlags(value);
  if (kind === 'octal') return value ? `0${value.toString(8)}` : '0';
  if (kind === 'hex') return value ? `0x${value.toString(16)}` : '0';
  if (kind === 'mode')
    return `${nameOf({ ...mode, S_IFMT: -1 }, value & mode.S_IFMT) ?? ''}|0${(value & 0o7777).toString(8)}`;
  if (kind === 'clone_signal')
    return [formatFlags(clone, value & ~0xff), nameOf(signal, value & 0xff)]
      .filter((part) => part && part !== '0')
      .join('|');
  if (kind === 'prctl_1')
    return operands[0] === prctl.PR_CAP_AMBIENT ? (nameOf(cap_ambient, value) ?? String(value)) : String(value);
  if (kind === 'wait_id') return nameOf({ P_ALL: 0, P_PID: 1, P_PGID: 2, P_PIDFD: 3 }, value) ?? String(value);
  const flags = FLAGS[kind];
  if (flags) return formatFlags(flags, value);
  const names = ENUMS[kind];
  if (names) return nameOf(names, value) ?? String(value);
  return String(operand);
}

/**
 * A call with its operands. The result of an earlier recorded call stands as U+0001 and the operand's number, a text that is
 * made while playing as U+0002 and the number: the runner replaces them.
 */
export function formatCall(name: Call, operands: readonly Operand[]): string {
  const kinds: readonly string[] = CALLS[name][2].split(' ').filter(Boolean);
  return `${name}(${operands
    .slice(0, kinds.length)
    .map((operand, index) => formatOperand(kinds[index] as string, operand, operands))
    .join(', ')})`;
}

/** The kernel's return value; negative values as strace(1) prints errors. */
export function formatResult(result: number): string {
  return result < 0 && result > -4096 ? `-1 ${errnoName(-result)} (${strerror(-result)})` : String(result);
}
