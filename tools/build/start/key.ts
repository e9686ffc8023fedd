/** What the loader and the maker of code caches must say alike. */

/** How the modules of Node are got: it takes less time than an import, and a script with -e may do it, too. */
export const builtin = process.getBuiltinModule;

/**
 * Which Node made a code cache. V8 compares the first three numbers of its own version and takes what another patch release
 * has compiled, with other numbers for its functions; it crashes then. The size of the executable tells apart two builds of one release.
 *
 * @throws Where the executable cannot be looked at.
 */
export const cacheKey = (): string =>
  [process.version, process.versions.v8, builtin('fs').statSync(process.execPath).size].join(' ');

/** Name of the scripts in stack traces. It is part of what a code cache is valid for. */
export const SCRIPT_NAME = 'ts-tools';
