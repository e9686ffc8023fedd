/** NTFS. */
import { fromUtf16, label } from '../text.ts';
import { type Format, isPowerOfTwo } from './format.ts';

const RECORD_OF_VOLUME = 3;
const VOLUME_NAME = 0x60;
const END = 0xffff_ffff;
const MOST_CLUSTER = 64 << 10;

/** The value of the attribute that names the volume. */
function nameIn(record: Buffer): Buffer | undefined {
  let at = record.readUInt16LE(20);
  const end = Math.min(record.length, record.readUInt32LE(28) + 1);
  while (at < end && at + 24 <= record.length) {
    const [type, length] = [record.readUInt32LE(at), record.readUInt32LE(at + 4)];
    if (length === 0 || type === END) return undefined;
    if (type === VOLUME_NAME) {
      const from = at + record.readUInt16LE(at + 20);
      const to = from + record.readUInt32LE(at + 16);
      return to <= record.length ? record.subarray(from, to) : undefined;
    }
    at += length;
  }
  return undefined;
}

export const NTFS: Format = {
  type: 'ntfs',
  usage: 'filesystem',
  magics: [[3, 'NTFS    ']],
  read(source) {
    const boot = source.read(0, 512);
    if (!boot) return undefined;
    const sector = boot.readUInt16LE(11);
    const code = boot.readUInt8(13);
    // Values from 240 on are powers of two, negated.
    const perCluster = code >= 240 ? 2 ** (256 - code) : code;
    const cluster = sector * perCluster;
    if (sector < 256 || sector > 4096 || !isPowerOfTwo(perCluster) || cluster > MOST_CLUSTER) return undefined;
    const unused = [14, 17, 19, 22].some((at) => boot.readUInt16LE(at)) || boot.readUInt32LE(32) || boot.readUInt8(16);
    if (unused) return undefined;
    const perRecord = boot.readInt8(64);
    const isShift = perRecord >= -31 && perRecord <= -9;
    if (!isShift && !(perRecord > 0 && isPowerOfTwo(perRecord))) return undefined;
    const size = isShift ? 2 ** -perRecord : perRecord * cluster;
    const clusters = boot.readBigUInt64LE(40) / BigInt(perCluster);
    const [table, mirror] = [boot.readBigUInt64LE(48), boot.readBigUInt64LE(56)];
    if (table > clusters || mirror > clusters) return undefined;
    const start = Number(table) * cluster;
    const records = [start, start + RECORD_OF_VOLUME * size].map((at) => source.read(at, size));
    if (records.some((record) => record?.toString('latin1', 0, 4) !== 'FILE')) return undefined;
    const name = nameIn(records[1] as Buffer);
    const serial = boot.readBigUInt64LE(72);
    return {
      label: name && label(fromUtf16(name, 'little')),
      uuid: serial === 0n ? undefined : serial.toString(16).toUpperCase().padStart(16, '0'),
    };
  },
};
