/**
 * What the runner reads, and where: structures, and the numbers in them.
 *
 * `npm run images` makes ../../runner/tape.generated.h of this (../../runner/header.ts): a difference from what runner.c declares does
 * not compile.
 */
import type { Layout } from '../struct.ts';

/** `struct entry` of runner.c, which says what each field means. */
export const ENTRY = {
  op: 'u16',
  refs: 'u16',
  failure: 'u8',
  moves: 'u8',
  only: 'u16',
  number: 'u32',
  target: 'u32',
  operand: 'u64',
  operand1: 'u64',
  operand2: 'u64',
  operand3: 'u64',
  operand4: 'u64',
  operand5: 'u64',
  result: 's64',
  message: 'u64',
  text: 'u64',
  explain: 'u64',
  status: 'u16',
  status_missing: 'u16',
  undo: 'u32',
} as const satisfies Layout;

/** `struct tape`, at the beginning of a tape. What lies behind `explainer` the runner fills. */
export const TAPE = {
  entries: 'u64',
  errors: 'u64',
  trace: 's64',
  explainer: 'u64',
  status: 's64',
  error: 's64',
  subject: 'u64',
  environment: 'u64',
} as const satisfies Layout;

/** `struct piece_entry`: part of a text. */
export const PIECE = { kind: 'u64', value: 'u64' } as const satisfies Layout;

export const OPS = {
  call: 0,
  format: 1,
  branch: 2,
  exec: 3,
  wait: 4,
  endAsChild: 5,
  end: 6,
  store: 7,
  show: 8,
} as const;
/** What a failure does: says its message and ends, nothing, or goes to another entry. */
export const FAILURES = { report: 0, ignore: 1, goto: 2 } as const;
export const CONDITIONS = { equal: 0, notEqual: 1, less: 2 } as const;
export const PIECES = { last: 0, text: 1, result: 2, exitStatus: 3, signal: 4 } as const;
/** Errors after which execvp(3) tries the next path. */
export const SEARCH_GOES_ON = ['EACCES', 'ENOENT', 'ESTALE', 'ENOTDIR', 'ENODEV', 'ETIMEDOUT'] as const;
/** Bits of `number`. */
export const WAITING = { mirrorStops: 1, forward: 2 } as const;
export const EXECUTING = { append: 1, search: 2 } as const;
