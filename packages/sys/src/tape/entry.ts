/** What a tape is made of. ./layout.ts writes it into memory as ../../runner/runner.c reads it. */
import type { Call } from '../calls.ts';
import type { OnFailure } from '../gate.ts';
import type { Block, Data, Int, Operand, Ref } from '../operand.ts';

/** A place on the tape that entries can go to; `entry` is set when the place is reached while recording. */
export class Label {
  entry: number | undefined;
}

/** Part of a text that is put together while the tape is played. `read`: a C string that a call has left in a buffer. */
export type Piece =
  | string
  | { read: Uint8Array; from: number }
  | { result: Ref }
  | { exitStatus: Ref }
  | { signal: Ref };

interface Common {
  failure?: OnFailure;
  /** Where a failure goes on, after its message, to take back what was made. */
  undo?: Label;
  /** What the explainer is asked about when this fails. */
  explain?: string;
  /** Trace line, made by the recorder. */
  text?: string;
  /** Go to this place on failure (of this errno alone, where given), without a word. */
  otherwise?: { label: Label; only?: number };
}

export type Entry = Common &
  (
    | { op: 'call'; name: Call; operands: readonly Operand[] }
    | { op: 'format'; buffer: Buffer; pieces: readonly Piece[] }
    | { op: 'store'; into: Uint8Array; offset: number; value: Ref; width: 4 | 8 }
    /** The command line that the process shows from here on: words with a NUL behind each. */
    | { op: 'show'; words: Uint8Array }
    | { op: 'branch'; left: Operand; condition: 'equal' | 'notEqual' | 'less'; right: Int; label: Label }
    | {
        op: 'exec';
        /** Paths to try; or the program's name, to be searched in the PATH of the environment that there is then. */
        program: Block | string;
        argv: Block;
        shell: Block | null;
        environment: Data | null;
        /** The words of the command line that started the runner are put behind the program's. */
        append: boolean;
      }
    | { op: 'wait'; pid: Ref; mirrorStops: boolean; forward: bigint }
    | { op: 'endAsChild'; status: Ref }
    | { op: 'end'; status: number | 'failed' }
  );

/** A finished recording. */
export interface Tape {
  readonly entries: readonly Entry[];
}
