/** Stands for node:util in yargs' parser, which formats its errors by it: loading it takes Bun longer than all else of a run. */
export const format = (...words: unknown[]): string => process.getBuiltinModule('node:util').format(...words);
