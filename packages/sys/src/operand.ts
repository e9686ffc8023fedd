/** What a system call is given: numbers, data, results of earlier calls. One form for calls made now and calls recorded. */
import { cString } from './bytes.ts';

/** Result of an entry that has been recorded and will be known when the tape is played. */
export class Ref {
  constructor(readonly entry: number) {}
}

/** A text that is put together when the tape is played, in memory that is kept free for it. */
export class MadeText {
  /** @param buffer Large enough for the text and its NUL. @param shown What can be said of it before: results as {entry}. */
  constructor(
    readonly buffer: Buffer,
    readonly shown: string,
  ) {}
}

/** A path, or a text that will be one. */
export type Path = string | MadeText;

/** An integer that the kernel has given or will give: a descriptor, a process, a length. */
export type Int = number | Ref;

/** Data in memory that holds addresses of other data: `pointers` says where (offset in bytes) and of what. */
export class Block {
  constructor(
    readonly bytes: Buffer,
    readonly pointers: readonly (readonly [offset: number, target: Data | null])[],
  ) {}
}

/** Memory whose address is passed. A string stands for its C string. */
export type Data = string | Uint8Array | Block | MadeText;

export type Operand = number | bigint | Ref | Data | null;

/** A block that is nothing but pointers, and a null at its end. */
export class PointerArray extends Block {}

/** An array of pointers as execve(2) takes it, with the null at its end. */
export function pointerArray(items: readonly (Data | null)[]): PointerArray {
  return new PointerArray(
    Buffer.alloc(8 * (items.length + 1)),
    items.map((item, index) => [8 * index, item] as const),
  );
}

export const bytesOf = (data: string | Uint8Array | MadeText): Uint8Array =>
  typeof data === 'string' ? cString(data) : data instanceof MadeText ? data.buffer : data;
