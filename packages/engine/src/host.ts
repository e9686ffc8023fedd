/**
 * What the engine's host gives to JavaScript: functions in C, as the global object `host`.
 *
 * The host does what is common and fast, in the caller's frame; what is rare (other types, values out of range) comes back to JavaScript,
 * so that no message is made in C. Ranges are given as `from` and `to` (exclusive); the callers here have clamped them already, and the
 * host refuses (RangeError) what does not lie within the bytes. A text is a string of UTF-16 code units, as JavaScript has it.
 *
 * The host lets Atomics.wait block. When no job is left it has `process` emit beforeExit, and uncaughtException for a rejection that nobody
 * has handled by then; it calls `started` (process.ts) first of all where the heap is a snapshot.
 */

/** Methods of Buffer that read and write numbers. The offset is in bytes, and 0 where it is left out; writers return the offset behind. */
export interface Numbers {
  readUInt8(offset?: number): number;
  readInt8(offset?: number): number;
  readUInt16LE(offset?: number): number;
  readUInt16BE(offset?: number): number;
  readInt16LE(offset?: number): number;
  readInt16BE(offset?: number): number;
  readUInt32LE(offset?: number): number;
  readUInt32BE(offset?: number): number;
  readInt32LE(offset?: number): number;
  readInt32BE(offset?: number): number;
  readBigUInt64LE(offset?: number): bigint;
  readBigUInt64BE(offset?: number): bigint;
  readBigInt64LE(offset?: number): bigint;
  readBigInt64BE(offset?: number): bigint;
  /** @param size Bytes of the number: 1 to 6. */
  readUIntLE(offset: number, size: number): number;
  writeUInt8(value: number, offset?: number): number;
  writeInt8(value: number, offset?: number): number;
  writeUInt16LE(value: number, offset?: number): number;
  writeUInt16BE(value: number, offset?: number): number;
  writeInt16LE(value: number, offset?: number): number;
  writeInt16BE(value: number, offset?: number): number;
  writeUInt32LE(value: number, offset?: number): number;
  writeUInt32BE(value: number, offset?: number): number;
  writeInt32LE(value: number, offset?: number): number;
  writeInt32BE(value: number, offset?: number): number;
  writeBigUInt64LE(value: bigint, offset?: number): number;
  writeBigUInt64BE(value: bigint, offset?: number): number;
  writeBigInt64LE(value: bigint, offset?: number): number;
  writeBigInt64BE(value: bigint, offset?: number): number;
  /** @param size Bytes of the number: 1 to 6. */
  writeUIntLE(value: number, offset: number, size: number): number;
}

/** Answers a call of one of these methods that the host does not take; `this` is the buffer. What it returns or throws is the method's. */
export type Otherwise = (this: Uint8Array, name: keyof Numbers, ...operands: unknown[]) => unknown;

export interface Host {
  /**
   * The methods, to be put on a prototype as they are. The host takes a call whose operands are right: offset (or undefined) and size are
   * integers, the number lies within the bytes, the value is an integer that fits (a bigint for the Big ones). Any other call goes to
   * `otherwise`.
   */
  numbers(otherwise: Otherwise): Numbers;

  /** UTF-8 as text; each longest beginning of a sequence that is not valid is one U+FFFD, and a byte order mark is kept. */
  utf8(bytes: Uint8Array, from: number, to: number): string;
  /** Each byte as the code unit of its value. */
  latin1(bytes: Uint8Array, from: number, to: number): string;
  /** Bytes of the text in UTF-8; a surrogate without its partner counts as U+FFFD. */
  utf8Length(text: string): number;
  /** Writes the text as UTF-8 from `at` on, at most `room` bytes and whole characters only. @returns bytes written. */
  writeUtf8(text: string, bytes: Uint8Array, at: number, room: number): number;
  /** Writes the low eight bits of each code unit, at most `room`. @returns bytes written. */
  writeLatin1(text: string, bytes: Uint8Array, at: number, room: number): number;
  /** By the bytes, then by the length: -1, 0 or 1. */
  compare(left: Uint8Array, right: Uint8Array): number;
  /** Memory that is not set to zero. What is never written is never touched, and costs no page. */
  uninitialized(size: number): ArrayBuffer;

  /** syscall(2): a number or a bigint is a word, nothing else is. @returns what the kernel does: below 0 it is -errno. */
  syscall(number: number, ...words: (number | bigint)[]): number;
  /** Address of the first byte; 0 of none. */
  address(bytes: Uint8Array): number;
  /** As `utf8`, but each byte that is no UTF-8 is a lone surrogate, U+DC80 to U+DCFF. */
  keptText(bytes: Uint8Array, from: number, to: number): string;
  /** Where a tape that is to be played is laid out for. */
  tapeAddress(): number;
  /** Ends the engine: the runner plays this tape. */
  play(tape: Uint8Array): never;
  /** Which of these signals are ignored, and all that are blocked: bit 0 is signal 1. */
  ignoredSignals(signals: bigint): bigint;
  blockedSignals(): bigint;
  /** Path by which the file was executed, as its caller wrote it. */
  executed(): string;

  readonly arch: 'x64' | 'arm64';
  /** PID of this process, in its own namespace. */
  pid(): number;
  /** Real and effective user, real and effective group. */
  ids(): readonly [uid: number, euid: number, gid: number, egid: number];
  /** The working directory (in which bytes that are no UTF-8 are lone surrogates, U+DC80 to U+DCFF), or -errno. */
  workingDirectory(): string | number;
  /** Arguments from the program's name on, and `NAME=value` entries, as the kernel gave them; bytes as in `workingDirectory`. */
  arguments(): string[];
  environment(): string[];
  /** Path of the executable file. */
  executable(): string;
  /** Ends the process. */
  exit(status: number): never;
  /** kill(2): 0, or -errno. */
  kill(pid: number, signal: number): number;
  /** write(2): bytes written, or -errno. */
  write(fd: number, bytes: Uint8Array): number;
  /** CLOCK_MONOTONIC in nanoseconds. */
  monotonic(): bigint;
  /** Blocks these signals, too (bit 0 is signal 1). @returns those of them that were blocked before. */
  block(signals: bigint): bigint;
  unblock(signals: bigint): void;
  /** Waits until one of these blocked signals comes, at most so long (whole milliseconds; with no signals: sleeps); takes it. @returns its number; 0 when the time is over. */
  takeSignal(signals: bigint, milliseconds: number): number;
}

/** Set by the host before the first script. */
export const { host } = globalThis as unknown as { readonly host: Host };
