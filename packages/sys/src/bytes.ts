/**
 * Text that came from the kernel and goes back to it, byte for byte.
 *
 * File names, arguments and environment entries are bytes; most are UTF-8. Inside the project they are strings in which a
 * byte that is not part of valid UTF-8 stands as a lone surrogate U+DC80 to U+DCFF (the convention of Python's PEP 383), so
 * that `encode(decode(bytes))` gives the same bytes for any input.
 */
const SURROGATE = 0xdc00;

/** Bytes as a string; never fails. */
export function decode(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin1 = buffer.toString('latin1');
  // Every byte beyond ASCII would take two.
  if (Buffer.byteLength(latin1) === buffer.length) return latin1;
  const text = buffer.toString();
  // A replacement character or a byte order mark that is dropped shows in the way back.
  if (Buffer.from(text).equals(buffer)) return text;
  return decodeBrokenText(buffer);
}

/** Longest valid UTF-8 sequences as they are, every other byte as its surrogate. */
function decodeBrokenText(buffer: Buffer): string {
  let text = '';
  for (let at = 0; at < buffer.length; ) {
    const first = buffer[at] as number;
    const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    const sequence = buffer.subarray(at, at + size);
    const decoded = size && sequence.length === size ? sequence.toString() : '';
    if (decoded && Buffer.from(decoded).equals(sequence)) {
      text += decoded;
      at += size;
    } else {
      text += String.fromCharCode(SURROGATE + first);
      at += 1;
    }
  }
  return text;
}

/** The bytes that `decode` was given. */
export function encode(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    parts.push(
      code > SURROGATE + 0x7f && code <= SURROGATE + 0xff ? Buffer.from([code - SURROGATE]) : Buffer.from(character),
    );
  }
  return Buffer.concat(parts);
}

/** The bytes of a C string: `encode` and a NUL. Throws where the text holds a NUL itself, which no C string can. */
export function cString(text: string): Buffer {
  if (text.includes('\0')) throw new RangeError('a NUL byte cannot stand in a C string');
  return encode(`${text}\0`);
}
