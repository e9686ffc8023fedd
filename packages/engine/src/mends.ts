/**
 * What the engine has wrong, mended: big numbers, and JSON that is none. To be imported before all else. Where the language is right,
 * as in Node, this changes nothing.
 */

const { parse } = JSON;
const { asUintN } = BigInt;
const { toString: written } = BigInt.prototype;

/** Negative numbers come back as they are. */
function mendBigInt(): void {
  BigInt.asUintN = (bits: number, value: bigint): bigint => {
    const number = asUintN(bits, value);
    return number < 0n ? number + (1n << BigInt(bits)) : number;
  };
  // To base 2, 4, 8, 16, 32 some begin with a 0.
  Object.defineProperty(BigInt.prototype, 'toString', {
    value(this: bigint, radix?: number): string {
      return written.call(this, radix).replace(/^(-?)0+(?=\w)/, '$1');
    },
    writable: true,
    configurable: true,
  });
}

/** RFC 8259: strings with their escapes, and what may stand beside them. */
const STRING = /"(?:[^"\\]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/g;
const REST = /^(?:[ \t\r\n{}[\],:]|""|true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))*$/;

/** Numbers and escapes of JavaScript that are none of JSON are taken. */
function mendJson(): void {
  JSON.parse = (text: string, ...others: [] | [Parameters<typeof parse>[1]]) => {
    const given = String(text);
    const value: unknown = parse(given, ...others);
    if (!REST.test(given.replace(STRING, '""'))) throw new SyntaxError('this is no JSON');
    return value;
  };
}

if (asUintN(64, -1n) !== 0xffff_ffff_ffff_ffffn) mendBigInt();
let isLoose = true;
try {
  parse('1.');
} catch {
  isLoose = false;
}
if (isLoose) mendJson();
