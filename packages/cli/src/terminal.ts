/** Terminals, asked of the kernel: Node's own way would load its network code. */
import { live, parseDecimal, TIOCGWINSZ } from '@ts/sys';
import type { World } from './world.ts';

export interface TerminalSize {
  /** Both 0 where the terminal does not know. */
  readonly rows: number;
  readonly columns: number;
}

/** Size of the terminal that a descriptor is open on; undefined for anything else. ioctl_tty(2) TIOCGWINSZ. */
export function terminalSize(fd: number): TerminalSize | undefined {
  const size = Buffer.alloc(8);
  if (live().ignoring().look('ioctl', fd, TIOCGWINSZ, size) < 0) return undefined;
  return { rows: size.readUInt16LE(0), columns: size.readUInt16LE(2) };
}

export const isTerminal = (fd: number): boolean => terminalSize(fd) !== undefined;

/** Columns of the terminal that is written to, or what COLUMNS says, or 80; undefined where it is none. */
export function terminalWidth(world: World): number | undefined {
  const size = terminalSize(1);
  return size && (size.columns || parseDecimal(world.variable('COLUMNS') ?? '', 0xffff) || 80);
}

/** Whether the locale shows more than ASCII. */
export const isUtf8 = (world: World): boolean =>
  /utf-?8/i.test(world.variable('LC_ALL') || world.variable('LC_CTYPE') || world.variable('LANG') || '');
