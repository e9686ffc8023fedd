/**
 * A tape as bytes at a fixed address.
 *
 *     header │ entries │ everything they point to
 *
 * All addresses are absolute. ../../runner/runner.c declares the same structures; the two change together.
 */
import { type Arch, arch as host } from '../arch.ts';
import { cString } from '../bytes.ts';
import { callNumber } from '../calls.ts';
import { mountPoint, movesFiles } from '../elsewhere.ts';
import { ERROR_LINES } from '../errno.ts';
import { Block, bytesOf, type Data, MadeText, type Operand, Ref } from '../operand.ts';
import type { Entry, Label, Piece, Tape } from './entry.ts';

const OPS = { call: 0, format: 1, branch: 2, exec: 3, wait: 4, endAsChild: 5, end: 6, store: 7, show: 8 } as const;
const CONDITIONS = { equal: 0, notEqual: 1, less: 2 } as const;
const REPORT = 0;
const IGNORE = 1;
const GOTO = 2;
const MOVES = 1 << 8;
const MIRROR_STOPS = 1;
const FORWARD = 2;
const APPEND = 1;
const SEARCH = 2;
const PIECES = { last: 0, text: 1, result: 2, exitStatus: 3, signal: 4 } as const;

const HEADER = 64;
const ENTRY = 104;

export interface Playing {
  /** Descriptor that gets the trace. */
  trace?: number;
  /** Program that explains a failure, and the option that asks it to. */
  explainer?: {
    path: string;
    option: string;
    /** An entry that its environment begins with. */
    variable?: string;
    /** Whether a mount at this path, asked in the order of the mounts, leaves alone what the explainer stands on; left out, none does. */
    isSpared?: (target: string) => boolean;
  };
}

const WORD = 2 ** 32;
const KILOBYTES = 16;

const aligned = (size: number) => (size + 7) & ~7;

const viewOf = ({ buffer, byteOffset }: Buffer) => new DataView(buffer, byteOffset);

/** Memory from `base` on, filled from below; each piece lies at a multiple of 8, and what is not written is 0. */
class Memory {
  private bytes = Buffer.alloc(KILOBYTES * 1024);
  private view = viewOf(this.bytes);
  private size = 0;
  private strings = new Map<string, number>();
  private placed = new Map<Uint8Array, number>();

  constructor(readonly base: number) {}

  /** Room for so many bytes: where they begin. */
  reserve(length: number): number {
    const at = aligned(this.size);
    this.size = at + length;
    if (this.size > this.bytes.length) {
      const larger = Buffer.alloc(2 * this.size);
      this.bytes.copy(larger);
      this.bytes = larger;
      this.view = viewOf(larger);
    }
    return at;
  }

  put16(at: number, value: number): void {
    if (value) this.view.setUint16(at, value, true);
  }

  put32(at: number, value: number): void {
    if (value) this.view.setUint32(at, value, true);
  }

  /** Most numbers are small, and bigint takes its time. */
  put64(at: number, value: number | bigint): void {
    if (value === 0) return;
    if (typeof value === 'number' && value > 0 && value < WORD) this.view.setUint32(at, value, true);
    else this.view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  }

  add(bytes: Uint8Array): number {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
    return this.base + at;
  }

  /** A C string. Nearly all are well-formed, and written without a copy between. */
  private string(text: string): number {
    if (!text.isWellFormed() || text.includes('\0')) return this.add(cString(text));
    // No character takes more than three bytes for each of its code units.
    const at = this.reserve(3 * text.length + 1);
    this.size = at + this.bytes.write(text, at) + 1;
    return this.base + at;
  }

  address(data: Data): number {
    if (typeof data === 'string') {
      const known = this.strings.get(data);
      if (known !== undefined) return known;
      const address = this.string(data);
      this.strings.set(data, address);
      return address;
    }
    const bytes = data instanceof Block ? data.bytes : data instanceof MadeText ? data.buffer : data;
    const known = this.placed.get(bytes);
    if (known !== undefined) return known;
    const address = this.add(bytes);
    this.placed.set(bytes, address);
    if (data instanceof Block) {
      for (const [offset, target] of data.pointers)
        this.put64(address - this.base + offset, target === null ? 0 : this.address(target));
    }
    return address;
  }

  taken(): Buffer {
    return this.bytes.subarray(0, this.size);
  }
}

const target = (label: Label) => {
  if (label.entry === undefined) throw new Error('a label was never placed');
  return label.entry;
};

function operandsOf(entry: Entry, memory: Memory): readonly Operand[] {
  switch (entry.op) {
    case 'call':
      return entry.operands;
    case 'format':
      return [entry.buffer, pieceList(entry.pieces, memory)];
    case 'store':
      return [entry.into, entry.offset, entry.value];
    case 'show':
      return [entry.words, entry.words.length];
    case 'branch':
      return [entry.left, entry.right];
    case 'exec':
      return [entry.program, entry.argv, entry.shell, entry.environment];
    case 'wait':
      return [entry.pid, entry.forward];
    case 'endAsChild':
      return [entry.status];
    case 'end':
      return [entry.status === 'failed' ? 0 : entry.status];
  }
}

function pieceList(pieces: readonly Piece[], memory: Memory): number {
  const list = memory.reserve(16 * (pieces.length + 1));
  pieces.forEach((piece, index) => {
    const [kind, value] =
      typeof piece === 'string'
        ? [PIECES.text, memory.address(piece)]
        : 'read' in piece
          ? [PIECES.text, memory.address(piece.read) + piece.from]
          : 'result' in piece
            ? [PIECES.result, piece.result.entry]
            : 'exitStatus' in piece
              ? [PIECES.exitStatus, piece.exitStatus.entry]
              : [PIECES.signal, piece.signal.entry];
    memory.put64(list + 16 * index, kind);
    memory.put64(list + 16 * index + 8, value);
  });
  return memory.base + list;
}

function numberOf(entry: Entry, arch: Arch): number {
  if (entry.op === 'call') return callNumber(entry.name, arch) as number;
  if (entry.op === 'branch') return CONDITIONS[entry.condition];
  if (entry.op === 'store') return entry.width;
  if (entry.op === 'exec') return (entry.append ? APPEND : 0) | (typeof entry.program === 'string' ? SEARCH : 0);
  if (entry.op === 'wait') return (entry.mirrorStops ? MIRROR_STOPS : 0) | (entry.forward ? FORWARD : 0);
  return entry.op === 'end' && entry.status === 'failed' ? 1 : 0;
}

function onFailure(entry: Entry): { failure: number; only: number; label: number } {
  if (entry.op === 'branch') return { failure: IGNORE, only: 0, label: target(entry.label) };
  if (entry.otherwise) return { failure: GOTO, only: entry.otherwise.only ?? 0, label: target(entry.otherwise.label) };
  const ignore = entry.failure?.ignore;
  if (ignore === undefined) return { failure: entry.failure ? REPORT : IGNORE, only: 0, label: 0 };
  return { failure: IGNORE, only: ignore === true ? 0 : ignore, label: 0 };
}

/** Of each entry, whether the path of the explainer may lead to another file behind it, or what that needs. */
function movingEntries(entries: readonly Entry[], { explainer }: Playing): readonly boolean[] {
  let hasMoved = false;
  return entries.map((entry) => {
    if (entry.op !== 'call') return false;
    hasMoved ||= entry.name === 'chdir' || entry.name === 'fchdir';
    const [first] = entry.operands;
    const maker = first instanceof Ref ? entries[first.entry] : undefined;
    const source = maker?.op === 'call' ? maker : undefined;
    if (!movesFiles(entry, source)) return false;
    const target = mountPoint(entry, source);
    // A relative one means what it meant while planning only in that directory.
    const isKnown = target !== undefined && (target.startsWith('/') || !hasMoved);
    return !(isKnown && explainer?.isSpared?.(target));
  });
}

function writeEntry(memory: Memory, at: number, entry: Entry, arch: Arch, moves: boolean): void {
  const { failure, only, label } = onFailure(entry);
  let refs = 0;
  operandsOf(entry, memory).forEach((operand, index) => {
    if (operand instanceof Ref) refs |= 1 << index;
    const value =
      operand instanceof Ref
        ? operand.entry
        : typeof operand === 'number' || typeof operand === 'bigint'
          ? operand
          : operand === null
            ? 0
            : memory.address(operand);
    memory.put64(at + 16 + 8 * index, value);
  });
  const text = (data: string | undefined) => (data === undefined ? 0 : memory.address(data));
  memory.put16(at, OPS[entry.op]);
  memory.put16(at + 2, refs);
  memory.put16(at + 4, failure | (moves ? MOVES : 0));
  memory.put16(at + 6, only);
  memory.put32(at + 8, numberOf(entry, arch));
  memory.put32(at + 12, label);
  memory.put64(at + 72, text(entry.failure?.message));
  memory.put64(at + 80, text(entry.text));
  memory.put64(at + 88, text(entry.explain));
  memory.put16(at + 96, entry.failure?.status ?? 1);
  memory.put16(at + 98, entry.failure?.statusMissing ?? entry.failure?.status ?? 1);
  memory.put32(at + 100, entry.undo ? target(entry.undo) : 0);
}

/** The bytes of a tape that will lie at address `base`. For another architecture only the numbers of the calls change: constants are those of the recorder's. */
export function layOut(tape: Tape, base: number, playing: Playing = {}, arch: Arch = host): Buffer {
  const memory = new Memory(base);
  const header = memory.reserve(HEADER);
  const entries = memory.reserve(ENTRY * tape.entries.length);
  memory.put64(header, base + entries);
  memory.put64(header + 8, memory.address(ERROR_LINES));
  memory.put64(header + 16, playing.trace ?? -1);
  if (playing.explainer) {
    const { path, option, variable = '' } = playing.explainer;
    memory.put64(header + 24, memory.add(Buffer.concat([path, option, variable].map(bytesOf))));
  }
  const moving = movingEntries(tape.entries, playing);
  tape.entries.forEach((entry, index) => {
    writeEntry(memory, entries + ENTRY * index, entry, arch, moving[index] === true);
  });
  return memory.taken();
}
