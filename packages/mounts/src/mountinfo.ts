/** The kernel's table of mounts, /proc/PID/mountinfo, proc_pid_mountinfo(5). Pure. */
import { isBelow, parseDecimal } from '@ts/sys';

export interface Mount {
  readonly id: number;
  readonly parent: number;
  /** MAJOR:MINOR of the file system. */
  readonly device: string;
  /** The directory of the file system that is seen at the mount point. */
  readonly root: string;
  readonly target: string;
  /** Options of this mount. */
  readonly options: readonly string[];
  /** "shared:1", "master:2", "propagate_from:3", "unbindable". */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system. */
  readonly superOptions: readonly string[];
}

/** Blanks, tabs, line ends, backslashes and such are written as three octal digits. */
export const unescapeOctal = (text: string): string =>
  text.includes('\\')
    ? text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    : text;

const DELETED = '//deleted';

/** The same way: no blank is left. */
export const escapeOctal = (text: string): string =>
  text.replace(/[ \t\n\v\f\r\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);

/** Lists that are the same again and again are made once: tables have thousands of lines. */
function listsOf() {
  const known = new Map<string, readonly string[]>();
  return (text: string) => {
    const list = known.get(text) ?? text.split(',').map(unescapeOctal);
    known.set(text, list);
    return list;
  };
}

/** A line that is none of the kernel's is left out. */
function parseLine(line: string, listOf: (text: string) => readonly string[]): Mount | undefined {
  const words = line.split(' ');
  const dash = words.indexOf('-', 6);
  if (dash < 0) return undefined;
  const [first, second, device, root, target, options] = words as [string, string, string, string, string, string];
  const [id, parent] = [parseDecimal(first), parseDecimal(second)];
  if (id === undefined || parent === undefined) return undefined;
  const [type = '', source = '', superOptions = ''] = words.slice(dash + 1);
  const place = unescapeOctal(target);
  return {
    id,
    parent,
    device,
    root: unescapeOctal(root),
    target: place.endsWith(DELETED) ? place.slice(0, -DELETED.length) : place,
    options: listOf(options),
    propagation: words.slice(6, dash),
    type,
    source: unescapeOctal(source),
    superOptions: listOf(superOptions),
  };
}

/** Mounts in the order of the table: those made later come later. */
export function parseMountinfo(text: string): Mount[] {
  const listOf = listsOf();
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const mount = parseLine(line, listOf);
    if (mount) mounts.push(mount);
  }
  return mounts;
}

/** The mount that is seen at a path: the last one made there. */
export const mountAt = (mounts: readonly Mount[], target: string): Mount | undefined =>
  mounts.findLast((mount) => mount.target === target);

/** The mount that a path (without symbolic links) lies on. */
export const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined =>
  mounts.reduce<Mount | undefined>(
    (best, each) => (isBelow(path, each.target) && each.target.length >= (best?.target.length ?? 0) ? each : best),
    undefined,
  );

/** Options of mount and file system in one list, as mount(8) prints them: read-only if either is. */
export function allOptions({ options, superOptions }: Mount): string[] {
  const isReadOnly = options.includes('ro') || superOptions.includes('ro');
  const rest = [...options, ...superOptions].filter((word) => word !== 'ro' && word !== 'rw' && word !== '');
  return [isReadOnly ? 'ro' : 'rw', ...rest];
}

/** A mount and all below it, in the order of the table. */
export function subtree(mounts: readonly Mount[], top: Mount): Mount[] {
  const children = new Map<number, Mount[]>();
  for (const mount of mounts) {
    const siblings = children.get(mount.parent);
    if (siblings) siblings.push(mount);
    else children.set(mount.parent, [mount]);
  }
  // The table is not sorted by depth where mounts have been moved. The topmost mount of a namespace may be its own parent.
  const inside = new Set([top.id]);
  const found = [top.id];
  for (let id = found.pop(); id !== undefined; id = found.pop())
    for (const child of children.get(id) ?? []) {
      if (inside.has(child.id)) continue;
      inside.add(child.id);
      found.push(child.id);
    }
  return mounts.filter(({ id }) => inside.has(id));
}
