/** Options of overlayfs, Documentation/filesystems/overlayfs.rst. Pure. */

/** Longest value of a parameter, fsconfig(2). */
const LONGEST = 255;

/**
 * `lowerdir=A:B::C` as one parameter a layer (`lowerdir+=A`, `lowerdir+=B`, `datadir+=C`; since Linux 6.7), where it is too
 * long for one. A colon in a name stands there as "\\:". Other words are given back as they are.
 */
export function splitLayers(word: string): string[] {
  const [, list] = /^lowerdir=(.*)$/s.exec(word) ?? [];
  if (list === undefined || list.length <= LONGEST) return [word];
  const [lower = '', ...data] = list.split(/(?<!\\)::/);
  const unescaped = (path: string) => path.replaceAll(/\\(.)/gs, '$1');
  return [
    ...lower.split(/(?<!\\):/).map((path) => `lowerdir+=${unescaped(path)}`),
    ...data.map((path) => `datadir+=${unescaped(path)}`),
  ];
}
