/**
 * A tape as bytes at a fixed address.
 *
 *     header │ entries │ everything they point to
 *
 * All addresses are absolute. ../../runner/runner.c declares the same structures; the two change together.
 */
import { type Arch, arch as host } from '../arch.ts';
import { CALLS } from '../calls.ts';
import { ERRORS } from '../errno.ts';
import { Block, bytesOf, type Data, MadeText, type Operand, Ref } from '../operand.ts';
import type { Entry, Label, Piece, Tape } from './entry.ts';

const OPS = { call: 0, format: 1, branch: 2, exec: 3, wait: 4, endAsChild: 5, end: 6, store: 7 } as const;
const CONDITIONS = { equal: 0, notEqual: 1, less: 2 } as const;
const REPORT = 0;
const IGNORE = 1;
const GOTO = 2;
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
  explainer?: { path: string; option: string };
}

/** errno → "NAME\0words\0", as offsets from the table's begin. All of it is ASCII. */
function errorTable(): Buffer {
  const count = (ERRORS.at(-1) as (typeof ERRORS)[number])[0] + 1;
  const head = 4 * (count + 1);
  const texts = ERRORS.map(([, name, words]) => `${name}\0${words}\0`);
  const table = Buffer.alloc(head + texts.reduce((sum, text) => sum + text.length, 0));
  table.writeUInt32LE(count, 0);
  let at = head;
  ERRORS.forEach(([errno], index) => {
    table.writeUInt32LE(at, 4 * (errno + 1));
    at += (texts[index] as string).length;
  });
  table.write(texts.join(''), head, 'latin1');
  return table;
}

class Memory {
  private parts: Buffer[] = [];
  private size = 0;
  private strings = new Map<string, number>();

  constructor(readonly base: number) {}

  /** Reserves memory for these bytes, which may still change until `bytes`. */
  add(buffer: Buffer): number {
    const padding = -this.size & 7;
    if (padding) this.parts.push(Buffer.alloc(padding));
    this.size += padding;
    const address = this.base + this.size;
    this.parts.push(buffer);
    this.size += buffer.length;
    return address;
  }

  private placed = new Map<Uint8Array, number>();

  address(data: Data): number {
    if (typeof data === 'string') {
      const known = this.strings.get(data);
      if (known !== undefined) return known;
      const address = this.add(Buffer.from(bytesOf(data)));
      this.strings.set(data, address);
      return address;
    }
    const bytes = data instanceof Block ? data.bytes : data instanceof MadeText ? data.buffer : data;
    const known = this.placed.get(bytes);
    if (known !== undefined) return known;
    const copy = Buffer.from(bytes);
    const address = this.add(copy);
    this.placed.set(bytes, address);
    if (data instanceof Block) {
      for (const [offset, target] of data.pointers)
        copy.writeBigUInt64LE(target === null ? 0n : BigInt(this.address(target)), offset);
    }
    return address;
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts);
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

function pieceList(pieces: readonly Piece[], memory: Memory): Buffer {
  const list = Buffer.alloc(16 * (pieces.length + 1));
  pieces.forEach((piece, index) => {
    const [kind, value] =
      typeof piece === 'string'
        ? [PIECES.text, memory.address(piece)]
        : 'result' in piece
          ? [PIECES.result, piece.result.entry]
          : 'exitStatus' in piece
            ? [PIECES.exitStatus, piece.exitStatus.entry]
            : [PIECES.signal, piece.signal.entry];
    list.writeBigUInt64LE(BigInt(kind), 16 * index);
    list.writeBigUInt64LE(BigInt(value), 16 * index + 8);
  });
  return list;
}

function numberOf(entry: Entry, arch: Arch): number {
  if (entry.op === 'call') return CALLS[entry.name][arch === 'arm64' ? 1 : 0];
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

function writeEntry(buffer: Buffer, at: number, entry: Entry, memory: Memory, arch: Arch): void {
  const { failure, only, label } = onFailure(entry);
  let refs = 0;
  operandsOf(entry, memory).forEach((operand, index) => {
    let value: bigint;
    if (operand instanceof Ref) {
      refs |= 1 << index;
      value = BigInt(operand.entry);
    } else if (typeof operand === 'number' || typeof operand === 'bigint') value = BigInt.asUintN(64, BigInt(operand));
    else value = operand === null ? 0n : BigInt(memory.address(operand));
    buffer.writeBigUInt64LE(value, at + 16 + 8 * index);
  });
  const text = (data: string | undefined) => BigInt(data === undefined ? 0 : memory.address(data));
  buffer.writeUInt16LE(OPS[entry.op], at);
  buffer.writeUInt16LE(refs, at + 2);
  buffer.writeUInt16LE(failure, at + 4);
  buffer.writeUInt16LE(only, at + 6);
  buffer.writeUInt32LE(numberOf(entry, arch), at + 8);
  buffer.writeUInt32LE(label, at + 12);
  buffer.writeBigUInt64LE(text(entry.failure?.message), at + 72);
  buffer.writeBigUInt64LE(text(entry.text), at + 80);
  buffer.writeBigUInt64LE(text(entry.explain), at + 88);
  buffer.writeUInt16LE(entry.failure?.status ?? 1, at + 96);
  buffer.writeUInt16LE(entry.failure?.statusMissing ?? entry.failure?.status ?? 1, at + 98);
  buffer.writeUInt32LE(entry.undo ? target(entry.undo) : 0, at + 100);
}

/** The bytes of a tape that will lie at address `base`. For another architecture only the numbers of the calls change: constants are those of the recorder's. */
export function layOut(tape: Tape, base: number, playing: Playing = {}, arch: Arch = host): Buffer {
  const memory = new Memory(base);
  const header = Buffer.alloc(HEADER);
  const entries = Buffer.alloc(ENTRY * tape.entries.length);
  memory.add(header);
  header.writeBigUInt64LE(BigInt(memory.add(entries)), 0);
  header.writeBigUInt64LE(BigInt(memory.add(errorTable())), 8);
  header.writeBigInt64LE(BigInt(playing.trace ?? -1), 16);
  if (playing.explainer) {
    const { path, option } = playing.explainer;
    header.writeBigUInt64LE(BigInt(memory.add(Buffer.concat([bytesOf(path), bytesOf(option)]))), 24);
  }
  tape.entries.forEach((entry, index) => {
    writeEntry(entries, ENTRY * index, entry, memory, arch);
  });
  return memory.bytes();
}
