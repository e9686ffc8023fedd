/** Paths as text. Pure. */

/** Whether a path is a folder or lies below it. Both are absolute, without "." and "..". */
export const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
