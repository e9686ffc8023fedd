/** @ts/capabilities: names, texts and rules of capabilities(7), as libcap writes them. */
export * from './bearer.ts';
export * from './causes.ts';
export * from './delta.ts';
export * from './file.ts';
export * from './iab.ts';
export * from './keep.ts';
export * from './license.ts';
export * from './list.ts';
export * from './meanings.ts';
export * from './modes.ts';
export * from './names.ts';
export * from './sets.ts';
export * from './status.ts';
export * from './text.ts';
