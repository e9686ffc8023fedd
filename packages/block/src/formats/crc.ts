/** Checksums of superblocks. Tables are made when the first one is wanted. */
function tableOf(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value >>> 0;
  });
}

function crcOf(polynomial: number) {
  let table: Uint32Array | undefined;
  /** @param seed What goes before the first byte. */
  return (bytes: Uint8Array, seed = 0xffff_ffff): number => {
    table ??= tableOf(polynomial);
    let value = seed;
    for (const byte of bytes) value = (value >>> 8) ^ (table[(value ^ byte) & 0xff] as number);
    return value >>> 0;
  };
}

/** CRC-32 of Ethernet and GPT, before its bits are turned around at the end. */
export const crc32 = crcOf(0xedb8_8320);
/** CRC-32C (Castagnoli), before its bits are turned around at the end. */
export const crc32c = crcOf(0x82f6_3b78);

/** The bits of a checksum turned around. */
export const inverted = (crc: number): number => ~crc >>> 0;
