/** @ts/cli: option tables, usage, errors, becoming the next program. */
export * from './build.ts';
export * from './causes.ts';
export * from './commands.ts';
export * from './errors.ts';
export * from './getopt.ts';
export * from './interruptible.ts';
export { multicall } from './multicall.ts';
export * from './option.ts';
export { writeAll, writeText } from './output.ts';
export * from './parse.ts';
export * from './progress.ts';
export { main, rehearse, tableOf } from './run.ts';
export * from './search.ts';
export * from './shell.ts';
export * from './size.ts';
export * from './status.ts';
export * from './tool.ts';
export * from './world.ts';
