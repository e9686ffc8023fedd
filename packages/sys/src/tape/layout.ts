/**
 * A tape as bytes at a fixed address.
 *
 *     header │ entries │ everything they point to
 *
 * All addresses are absolute. ./structures.ts says what lies where.
 */
import { type Arch, arch as host } from '../arch.ts';
import { cString } from '../bytes.ts';
import { callNumber } from '../calls.ts';
import { mountPoint, movesFiles } from '../elsewhere.ts';
import { ERROR_LINES } from '../errno.ts';
import { Block, bytesOf, type Data, MadeText, type Operand, Ref } from '../operand.ts';
import { offsetsOf, sizeOf } from '../struct.ts';
import type { Entry, Label, Piece, Tape } from './entry.ts';
import { CONDITIONS, ENTRY, EXECUTING, FAILURES, OPS, PIECE, PIECES, TAPE, WAITING } from './structures.ts';

/** `moves` is the byte behind `failure`: both are written at once. */
const MOVES = 1 << 8;

const AT = offsetsOf(ENTRY);
const HEAD = offsetsOf(TAPE);
const VALUE = offsetsOf(PIECE).value;
const TAPE_SIZE = sizeOf(TAPE);
const ENTRY_SIZE = sizeOf(ENTRY);
const PIECE_SIZE = sizeOf(PIECE);

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
  const list = memory.reserve(PIECE_SIZE * (pieces.length + 1));
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
    memory.put64(list + PIECE_SIZE * index, kind);
    memory.put64(list + PIECE_SIZE * index + VALUE, value);
  });
  return memory.base + list;
}

function numberOf(entry: Entry, arch: Arch): number {
  if (entry.op === 'call') return callNumber(entry.name, arch) as number;
  if (entry.op === 'branch') return CONDITIONS[entry.condition];
  if (entry.op === 'store') return entry.width;
  if (entry.op === 'exec')
    return (entry.append ? EXECUTING.append : 0) | (typeof entry.program === 'string' ? EXECUTING.search : 0);
  if (entry.op === 'wait') return (entry.mirrorStops ? WAITING.mirrorStops : 0) | (entry.forward ? WAITING.forward : 0);
  return entry.op === 'end' && entry.status === 'failed' ? 1 : 0;
}

function onFailure(entry: Entry): { failure: number; only: number; label: number } {
  if (entry.op === 'branch') return { failure: FAILURES.ignore, only: 0, label: target(entry.label) };
  if (entry.otherwise)
    return { failure: FAILURES.goto, only: entry.otherwise.only ?? 0, label: target(entry.otherwise.label) };
  const ignore = entry.failure?.ignore;
  if (ignore === undefined) return { failure: entry.failure ? FAILURES.report : FAILURES.ignore, only: 0, label: 0 };
  return { failure: FAILURES.ignore, only: ignore === true ? 0 : ignore, label: 0 };
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
    memory.put64(at + AT.operand + 8 * index, value);
  });
  const text = (data: string | undefined) => (data === undefined ? 0 : memory.address(data));
  memory.put16(at + AT.op, OPS[entry.op]);
  memory.put16(at + AT.refs, refs);
  memory.put16(at + AT.failure, failure | (moves ? MOVES : 0));
  memory.put16(at + AT.only, only);
  memory.put32(at + AT.number, numberOf(entry, arch));
  memory.put32(at + AT.target, label);
  memory.put64(at + AT.message, text(entry.failure?.message));
  memory.put64(at + AT.text, text(entry.text));
  memory.put64(at + AT.explain, text(entry.explain));
  memory.put16(at + AT.status, entry.failure?.status ?? 1);
  memory.put16(at + AT.status_missing, entry.failure?.statusMissing ?? entry.failure?.status ?? 1);
  memory.put32(at + AT.undo, entry.undo ? target(entry.undo) : 0);
}

/** The bytes of a tape that will lie at address `base`. For another architecture only the numbers of the calls change: constants are those of the recorder's. */
export function layOut(tape: Tape, base: number, playing: Playing = {}, arch: Arch = host): Buffer {
  const memory = new Memory(base);
  const header = memory.reserve(TAPE_SIZE);
  const entries = memory.reserve(ENTRY_SIZE * tape.entries.length);
  memory.put64(header + HEAD.entries, base + entries);
  memory.put64(header + HEAD.errors, memory.address(ERROR_LINES));
  memory.put64(header + HEAD.trace, playing.trace ?? -1);
  if (playing.explainer) {
    const { path, option, variable = '' } = playing.explainer;
    memory.put64(header + HEAD.explainer, memory.add(Buffer.concat([path, option, variable].map(bytesOf))));
  }
  const moving = movingEntries(tape.entries, playing);
  tape.entries.forEach((entry, index) => {
    writeEntry(memory, entries + ENTRY_SIZE * index, entry, arch, moving[index] === true);
  });
  return memory.taken();
}
