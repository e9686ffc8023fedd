/**
 * Numbers in text, read strictly: the whole text is one number within the range, or there is none. Pure.
 *
 * Text of others (files, command lines, the kernel) is never given to Number(), which reads '' and ' ' as 0 and '1e3' as 1000.
 */

/** Largest user or group id: the one above it, (uid_t) -1, means "unchanged" to the kernel. */
export const ID_MAX = 0xffff_fffe;
export const U32_MAX = 0xffff_ffff;
export const U64_MAX = 0xffff_ffff_ffff_ffffn;

const within = (value: number, max: number) => (value <= max ? value : undefined);

/** Decimal digits and nothing else, at most `max`; undefined for anything else. */
export const parseDecimal = (text: string, max = Number.MAX_SAFE_INTEGER): number | undefined =>
  /^\d+$/.test(text) ? within(Number(text), max) : undefined;

/** Octal digits and nothing else, as chmod(1) takes a mode. */
export const parseOctal = (text: string, max = Number.MAX_SAFE_INTEGER): number | undefined =>
  /^[0-7]+$/.test(text) ? within(Number.parseInt(text, 8), max) : undefined;

/** A number as C writes it: decimal, 0 before octal, 0x before hexadecimal (strtoul(3) with base 0, without signs and blanks). */
export function parseCNumber(text: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (/^0[0-7]+$/.test(text)) return parseOctal(text, max);
  return /^(0x[\da-f]+|0|[1-9]\d*)$/i.test(text) ? within(Number(text), max) : undefined;
}

/** The same where 53 bits are too few. */
export function parseCBigInt(text: string, max = U64_MAX): bigint | undefined {
  const octal = /^0[0-7]+$/.test(text);
  if (!octal && !/^(0x[\da-f]+|0|[1-9]\d*)$/i.test(text)) return undefined;
  const value = BigInt(octal ? `0o${text.slice(1)}` : text);
  return value <= max ? value : undefined;
}

const SIZE_BITS = { '': 0n, k: 10n, m: 20n, g: 30n, t: 40n } as const;

/**
 * Bytes of a size as people write it: decimal digits, perhaps a fraction, then K, M, G or T (powers of 1024, also as kB or KiB,
 * in either case), and nothing else. What is less than a byte is left out.
 */
export function parseBytes(text: string, max = U64_MAX): bigint | undefined {
  const match = /^(\d{1,20})(?:\.(\d{1,20}))?(?:([kmgt])i?)?b?$/i.exec(text);
  if (!match) return undefined;
  const [, whole, part = '', letter = ''] = match as unknown as [string, string, string?, string?];
  const bits = SIZE_BITS[letter.toLowerCase() as keyof typeof SIZE_BITS];
  const bytes = (BigInt(whole + part) << bits) / 10n ** BigInt(part.length);
  return bytes <= max ? bytes : undefined;
}

/** A user or group id in a file such as /etc/passwd: decimal, and one that a process can have. */
export const parseAccountId = (text: string): number | undefined => parseDecimal(text, ID_MAX);

/** Decimal digits behind blanks and perhaps a sign, as strtol(3) takes them from a command line, from `min` to `max`. */
export function parseSigned(text: string, min: number, max: number): number | undefined {
  if (!/^[\t-\r ]*[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text) + 0; // no -0
  return value >= min ? within(value, max) : undefined;
}
