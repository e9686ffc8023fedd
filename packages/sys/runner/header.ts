/**
 * What C shares with TypeScript: the numbers as enumerations, and an assertion for each field of the structures that runner.c declares
 * for itself, with words on what each is for.
 */
import { type Layout, offsetsOf, sizeOf } from '../src/struct.ts';
import {
  CONDITIONS,
  ENTRY,
  EXECUTING,
  FAILURES,
  OPS,
  PIECE,
  PIECES,
  SEARCH_GOES_ON,
  TAPE,
  WAITING,
} from '../src/tape/structures.ts';

const STRUCTURES = { entry: ENTRY, tape: TAPE, piece_entry: PIECE } as const;
const ENUMS = {
  op: OPS,
  failure: FAILURES,
  condition: CONDITIONS,
  piece: PIECES,
  waiting: WAITING,
  executing: EXECUTING,
} as const;

/** `endAsChild` → `END_AS_CHILD`. */
const inC = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** One field stands for the whole of an array. */
const isElement = (field: string): boolean => /\d$/.test(field);

/** The text of tape.generated.h. */
export function headerText(): string {
  const enums = Object.entries(ENUMS).map(
    ([name, values]) =>
      `enum ${name} { ${Object.entries(values)
        .map(([word, value]) => `${inC(word)} = ${value}`)
        .join(', ')} };`,
  );
  const asserts = Object.entries(STRUCTURES).flatMap(([name, layout]) => [
    ...Object.entries(offsetsOf<Layout>(layout))
      .filter(([field]) => !isElement(field))
      .map(([field, offset]) => `SAME(__builtin_offsetof(struct ${name}, ${field}), ${offset});`),
    `SAME(sizeof(struct ${name}), ${sizeOf(layout)});`,
  ]);
  return [
    '/* Made by `npm run images` from ../src/tape/structures.ts; included behind the structures. */',
    ...enums,
    '',
    `#define SEARCH_GOES_ON(result) (${SEARCH_GOES_ON.map((name) => `(result) == -${name}`).join(' || ')})`,
    '',
    '#define SAME(here, there) _Static_assert((here) == (there), "../src/tape/structures.ts says otherwise")',
    ...asserts,
    '',
  ].join('\n');
}
