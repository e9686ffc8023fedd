/** Command lines are split as getopt_long(3) of the C library splits them: compared with it on made-up ones. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from './errors.ts';
import { getopt } from './getopt.ts';
import type { Option } from './option.ts';

const TABLE = [
  { long: 'mount', short: 'm', help: '' },
  { long: 'mount-proc', arg: 'dir', optional: true, help: '' },
  { long: 'map-user', arg: 'uid', help: '' },
  { long: 'map-users', short: 'M', arg: 'range', help: '' },
  { long: 'root', short: 'R', arg: 'dir', help: '' },
  { long: 'wait', short: 'w', arg: 'fd', optional: true, help: '' },
] as const satisfies readonly Option[];

const has = (option: Option) => (option.arg === undefined ? 0 : option.optional ? 2 : 1);

/** One line a step; then the operands; or the message. Strings in hexadecimal, since they may hold anything. */
const ORACLE = `
#include <getopt.h>
#include <stdio.h>
static void hex(const char *s) { for (; *s; s++) printf("%02x", (unsigned char)*s); }
int main(int argc, char **argv) {
  static const struct option table[] = { ${TABLE.map((option, index) => `{ "${option.long}", ${has(option)}, 0, ${1000 + index} }`).join(', ')}, { 0 } };
  int c;
  while ((c = getopt_long(argc - 1, argv + 1, "+mM:R:w::", table, 0)) != -1) {
    if (c == '?') return 1;
    ${TABLE.map((option, index) => `if (c == ${1000 + index}${'short' in option ? ` || c == '${option.short}'` : ''}) printf("${option.long} ");`).join('\n    ')}
    if (optarg) { printf("="); hex(optarg); }
    printf("\\n");
  }
  for (argv += 1 + optind; *argv; argv++) { printf("operand "); hex(*argv); printf("\\n"); }
  return 0;
}`;

const hex = (text: string) => Buffer.from(text).toString('hex');

/** The same lines from ours. */
function split(argv: readonly string[]): { lines: string[]; message: string } {
  try {
    const { steps, operands } = getopt(TABLE, argv);
    const given = steps.map(({ option, value }) => `${option.long} ${value === undefined ? '' : `=${hex(value)}`}`);
    return { lines: [...given, ...operands.map((operand) => `operand ${hex(operand)}`)], message: '' };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { lines: [], message: error.message };
  }
}

describe('getopt', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ts-getopt-'));
  const program = join(folder, 'oracle');
  const compiler = spawnSync('gcc', ['--version']).error;
  beforeAll(() => {
    if (!compiler) execFileSync('gcc', ['-x', 'c', '-', '-o', program], { input: ORACLE });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach((context) => {
    if (compiler) context.skip('no C compiler: gcc');
  });

  const oracle = (argv: readonly string[]) => {
    const { stdout, stderr, status } = spawnSync(program, ['prog', ...argv], {
      encoding: 'utf8',
      env: { LC_ALL: 'C' },
    });
    return {
      lines: status === 0 ? stdout.split('\n').slice(0, -1) : [],
      message: stderr.replace(/^prog: /, '').trimEnd(),
    };
  };

  const longs = TABLE.map(({ long }) => long);
  const word = fc.oneof(
    fc.constantFrom(
      '-',
      '--',
      '-m',
      '-R',
      '-w',
      '-M',
      '-mm',
      '-mRx',
      '-wx',
      '-mw',
      '-Rm',
      '-x',
      '-mx',
      '--x',
      '--=x',
      '--=',
      '--mount=',
      '--wait=',
      'operand',
      '',
      'ä',
    ),
    fc
      .tuple(fc.constantFrom(...longs), fc.nat(12), fc.constantFrom('', '=', '=v', '=a=b'))
      .map(([long, size, value]) => `--${long.slice(0, size)}${value}`),
  );

  test('as the C library does', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
        expect(split(argv)).toEqual(oracle(argv));
      }),
      { numRuns: 1000 },
    );
  }, 60_000);
});
