/** Of node:url what a library uses to find its own file. */

/** @throws TypeError for a URL that is no file of this machine. */
export function fileURLToPath(url: string): string {
  const [, path] = /^file:\/\/(?:localhost)?(\/[^?#]*)/.exec(url) ?? [];
  if (path === undefined || /%2f/i.test(path))
    throw Object.assign(new TypeError(`no file: ${url}`), { code: 'ERR_INVALID_ARG_VALUE' });
  return decodeURIComponent(path);
}
