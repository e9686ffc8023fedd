/** Archives of tar(5) as nobody's tool would write them, header by header. */

export interface RawEntry {
  readonly name: string;
  /** '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' folder, '6' fifo, 'x' PAX records. */
  readonly type?: string;
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly data?: string | Buffer;
  /** What the header says, where that is not the truth. */
  readonly size?: number;
  readonly major?: number;
  readonly minor?: number;
}

const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;

function block({
  name,
  type = '0',
  target = '',
  mode = 0o644,
  uid = 0,
  data = '',
  size,
  major = 0,
  minor = 0,
}: RawEntry): Buffer {
  const content = Buffer.from(data);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write(octal(mode, 8), 100);
  header.write(octal(uid, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size ?? content.length, 12), 124);
  header.write(octal(1_700_000_000, 12), 136);
  header.fill(' ', 148, 156);
  header.write(type, 156);
  header.write(target, 157, 100);
  header.write('ustar\0' + '00', 257);
  header.write(octal(major, 8), 329);
  header.write(octal(minor, 8), 337);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** PAX records for the entry that follows. */
export function records(values: Readonly<Record<string, string>>): RawEntry {
  const lines = Object.entries(values).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (`${length}`.length + Buffer.byteLength(rest) !== length) length++;
    return length + rest;
  });
  return { name: 'PaxHeader', type: 'x', data: lines.join('') };
}

export const archive = (...entries: readonly RawEntry[]): Buffer =>
  Buffer.concat([...entries.map(block), Buffer.alloc(1024)]);
