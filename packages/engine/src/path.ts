/** node:path: Node's own for POSIX, which another package keeps as a module of its own. */
import path from 'path-browserify';

export const { basename, dirname, extname, isAbsolute, join, normalize, relative, resolve, sep } = path;
export const posix = path;
export default path;
