/** Values of C names, read from what a compiler makes of the headers: nothing is executed, so a cross compiler does as well. */
import { execFileSync } from 'node:child_process';

/**
 * Value of each name that the headers have; a name that is neither a macro nor an enumerator is left out.
 *
 * @param enumerators Names that are no macros: known to be there.
 */
export function valuesOf(
  compiler: string,
  headers: readonly string[],
  names: readonly string[],
  enumerators: readonly string[] = [],
): Map<string, bigint> {
  const define = (name: string, index: number) => {
    const line = `long long value_${index} __attribute__((used)) = (long long)(${name});`;
    return enumerators.includes(name) ? line : `#ifdef ${name}\n${line}\n#endif`;
  };
  const source = [
    '#define _GNU_SOURCE',
    ...headers.map((header) => `#include <${header}>`),
    // Used by some of them, and defined by none.
    '#ifndef BIT',
    '#define BIT(number) (1 << (number))',
    '#endif',
    ...names.map(define),
    '',
  ].join('\n');
  const assembly = execFileSync(compiler, ['-S', '-O0', '-fno-zero-initialized-in-bss', '-x', 'c', '-', '-o', '-'], {
    input: source,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const found = assembly.matchAll(/^value_(\d+):\n\s+\.(quad|xword|zero|dword|8byte)\s+(-?\w+)/gm);
  return new Map(
    [...found].map(([, index, kind, value]) => [
      names[Number(index)] as string,
      kind === 'zero' ? 0n : BigInt(value as string),
    ]),
  );
}
