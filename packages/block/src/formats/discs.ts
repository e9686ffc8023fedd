/** What CDs and DVDs bear: ISO 9660, with the names of Joliet, and UDF. One image is often both. */
import type { Source } from '../source.ts';
import { fromLatin1, fromUtf16, label } from '../text.ts';
import type { Format } from './format.ts';

const START = 0x8000;
const SECTOR = 2048;
const DESCRIPTORS = 16;
const PRIMARY = 1;
const SUPPLEMENTARY = 2;
const TERMINATOR = 255;
const JOLIET = ['%/@', '%/C', '%/E'];

/** The date of a volume as its UUID: 16 digits. All zeros mean that it is not set. */
function dateAt(descriptor: Buffer, offset: number, hasZone: boolean): string | undefined {
  const digits = descriptor.subarray(offset, offset + 16);
  const isUnset = digits.every((digit) => digit === 0x30) && (!hasZone || descriptor[offset + 16] === 0);
  if (isUnset || digits.every((digit) => digit === 0)) return undefined;
  const text = digits.toString('latin1').replace(/^(.{4})(..)(..)(..)(..)(..)/s, '$1-$2-$3-$4-$5-$6-');
  return label(Buffer.from(text, 'latin1'));
}

const isSurrogate = (unit: number, first: number) => (unit & 0xfc00) === first;
const upper = (code: number) => (code >= 0x61 && code <= 0x7a ? code - 32 : code);
const UNDERSCORE = 0x5f;

/**
 * The name of a volume is there twice: 32 characters of ASCII, and 16 of Unicode. Where the one goes on as the other begins
 * ("_" stands for what ASCII cannot say, and case is not kept), they are put together again.
 *
 * @returns UTF-16, big-endian; undefined where they are two names.
 */
export function mergeNames(unicode: Buffer, ascii: Buffer): Buffer | undefined {
  const units: number[] = [];
  let index = 0;
  for (let at = 0; at + 2 <= unicode.length && index < ascii.length; at += 2, index++) {
    const letter = ascii[index] as number;
    let unit = unicode.readUInt16BE(at);
    if (isSurrogate(unit, 0xd800) && at + 4 <= unicode.length && isSurrogate(unicode.readUInt16BE(at + 2), 0xdc00)) {
      units.push(unit);
      at += 2;
      unit = unicode.readUInt16BE(at);
    }
    if (letter === UNDERSCORE) units.push(unit);
    else if (unit === UNDERSCORE) units.push(letter);
    else if (unit < 0x100 && upper(letter) === upper(unit)) units.push(upper(letter) === letter ? unit : letter);
    else return undefined;
  }
  units.push(...ascii.subarray(index));
  const merged = Buffer.alloc(units.length * 2);
  for (const [place, unit] of units.entries()) merged.writeUInt16BE(unit, place * 2);
  return merged;
}

const ISO: Format = {
  type: 'iso9660',
  usage: 'filesystem',
  isTolerant: true,
  magics: [
    [START + 1, 'CD001'],
    [START + 9, 'CDROM'],
  ],
  read(source, magic) {
    // High Sierra, which was there before: everything 8 bytes further on.
    const isOld = magic === 'CDROM';
    let primary: Buffer | undefined;
    let joliet: Buffer | undefined;
    for (let index = 0; index < DESCRIPTORS && !(primary && (isOld || joliet)); index++) {
      const descriptor = source.read(START + index * SECTOR + (isOld ? 8 : 0), SECTOR - 8);
      if (!descriptor || descriptor[0] === TERMINATOR) break;
      if (descriptor[0] === PRIMARY) primary ??= descriptor;
      const isJoliet = descriptor[0] === SUPPLEMENTARY && JOLIET.includes(descriptor.toString('latin1', 88, 91));
      if (isJoliet && !isOld) joliet ??= descriptor;
    }
    if (!primary) return undefined;
    const [created, modified] = isOld ? [790, 806] : [813, 830];
    const [ascii, unicode] = [primary.subarray(40, 72), joliet?.subarray(40, 72)];
    return {
      label: label(unicode ? fromUtf16(mergeNames(unicode, ascii) ?? unicode, 'big') : ascii),
      uuid: dateAt(primary, modified as number, !isOld) ?? dateAt(primary, created as number, !isOld),
    };
  },
};

const VOLUME_STRUCTURES = ['BEA01', 'BOOT2', 'CD001', 'CDW02', 'TEA01'];
const UDF_STRUCTURES = ['NSR02', 'NSR03'];
const STRUCTURES = 64;
const BLOCK_SIZES = [512, 1024, 2048, 4096];
const ANCHORS = [256, 512];
const ANCHOR = 2;
const PRIMARY_VOLUME = 1;
const LOGICAL_VOLUME = 6;
const END_OF_SEQUENCE = 8;
/** Descriptors of a sequence that are looked at. */
const SEQUENCE = 64;
const CHARACTERS = 'OSTA Compressed Unicode\0';

/** Whether the volume structures say that there is a UDF. */
function hasUdf(source: Source, step: number): boolean {
  for (let index = 0; index < STRUCTURES; index++) {
    const id = source.read(START + index * step + 1, 5)?.toString('latin1');
    if (id === undefined) return false;
    if (UDF_STRUCTURES.includes(id)) return true;
    if (!VOLUME_STRUCTURES.includes(id)) return false;
  }
  return false;
}

/** Characters of a dstring: how they are encoded, then they themselves, their number at the end. */
function dstring(field: Buffer): Buffer | undefined {
  const [encoding] = field;
  const room = field.length - 2;
  const length = Math.min(Math.max((field.at(-1) as number) - 1, 0), room);
  const characters = field.subarray(1, 1 + length);
  if (encoding === 8 || encoding === 254) return fromLatin1(characters);
  return encoding === 16 || encoding === 255 ? fromUtf16(characters, 'big') : undefined;
}

const isHex = (byte: number | undefined) => byte !== undefined && /^[\da-f]$/i.test(String.fromCharCode(byte));

/** 16 digits from what makes a volume set unique: as they stand, or half or all of them as hexadecimal of what stands there. */
export function udfId(set: Buffer | undefined): string | undefined {
  const end = set?.indexOf(0) ?? -1;
  const bytes = set && Buffer.concat([end < 0 ? set : set.subarray(0, end), Buffer.alloc(16)]).subarray(0, 16);
  if (!set || !bytes || (end < 0 ? set.length : end) < 8) return undefined;
  const digits = [...bytes, undefined].findIndex((byte) => !isHex(byte));
  if (digits < 8) return bytes.toString('hex', 0, 8);
  return digits < 16
    ? bytes.toString('latin1', 0, 8).toLowerCase() + bytes.toString('hex', 8, 12)
    : bytes.toString('latin1').toLowerCase();
}

/** The anchor, and how large a block is: what stands where it has to only with the right size. */
function findAnchor(source: Source): { anchor: Buffer; block: number } | undefined {
  for (const block of BLOCK_SIZES) {
    if (!hasUdf(source, Math.max(block, SECTOR))) continue;
    for (const at of ANCHORS) {
      const anchor = source.read(at * block, 512);
      if (!anchor) return undefined;
      if (anchor.readUInt32LE(12) === at && anchor.readUInt16LE() === ANCHOR) return { anchor, block };
    }
  }
  return undefined;
}

const isDomain = (volume: Buffer) => label(volume.subarray(217, 240)) === '*OSTA UDF Compliant';

/** Whether what says that the volume was closed well can be read, where there is such a thing. */
function hasIntegrity(source: Source, volume: Buffer, block: number): boolean {
  const [maps, length, at] = [268, 432, 436].map((field) => volume.readUInt32LE(field)) as [number, number, number];
  return maps === 0 || at === 0 || length < 512 || source.read(at * block, 512) !== undefined;
}

const UDF: Format = {
  type: 'udf',
  usage: 'filesystem',
  isTolerant: true,
  magics: ['BEA01', 'BOOT2', 'CD001', 'CDW02', 'NSR02', 'NSR03', 'TEA01'].map((id) => [START + 1, id] as const),
  read(source) {
    const found = findAnchor(source);
    if (!found) return undefined;
    const { anchor, block } = found;
    const count = Math.min(Math.floor(anchor.readUInt32LE(16) / block), SEQUENCE);
    const first = anchor.readUInt32LE(20);
    let name: string | undefined;
    let id: string | undefined;
    let isVolume = false;
    for (let index = 0; index < count && !(name !== undefined && id !== undefined); index++) {
      const descriptor = source.read((first + index) * block, 512);
      if (!descriptor) return undefined;
      const type = descriptor.readUInt16LE();
      if (type === 0 || type === END_OF_SEQUENCE || descriptor.readUInt32LE(12) !== first + index) break;
      const isOsta = (at: number) =>
        descriptor[at] === 0 && descriptor.toString('latin1', at + 1, at + 25) === CHARACTERS;
      if (type === PRIMARY_VOLUME && isOsta(200)) id ??= udfId(dstring(descriptor.subarray(72, 200)));
      if (type !== LOGICAL_VOLUME) continue;
      if (!isDomain(descriptor) || !hasIntegrity(source, descriptor, block)) return undefined;
      isVolume = true;
      if (isOsta(20)) name ??= label(dstring(descriptor.subarray(84, 212)));
    }
    return isVolume ? { label: name, uuid: id } : undefined;
  },
};

export const DISCS: readonly Format[] = [UDF, ISO];
