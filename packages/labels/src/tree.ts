/** SELinux labels of a tree of files: the extended attribute security.selinux. */
import { atOnce, decode, encode, type LiveSys, list, lstat, O_RDWR } from '@ts/sys';

export const SELINUX_ATTRIBUTE = 'security.selinux';

/** The label that a file gets: a whole one as it is; a type alone takes its place in the one that the file has. */
export function labelFor(wanted: string, current: string | undefined): string {
  if (wanted.includes(':')) return wanted;
  const [user = 'system_u', role = 'object_r', , ...level] = current?.split(':') ?? [];
  return [user, role, wanted, ...(current === undefined ? ['s0'] : level)].join(':');
}

/** A path and all that lies below it on the same file system; links are files of their own. */
export function* walkTree(path: string, device = lstat(path).dev): Generator<string> {
  const stats = lstat(path);
  if (stats.dev !== device) return;
  yield path;
  if (stats.type !== 'directory') return;
  for (const name of list(path)) yield* walkTree(`${path.replace(/\/+$/, '')}/${name}`, device);
}

/** The attribute is a C string, as libselinux writes it. */
const attributeOf = (label: string) => encode(`${label}\0`);

const textOf = (attribute: Buffer) => decode(attribute).replace(/\0$/, '');

/** Label of a file; undefined where it has none. */
export const readLabel = (sys: LiveSys, path: string): string | undefined => {
  const value = Buffer.alloc(4096);
  const length = sys.ignoring().look('lgetxattr', path, SELINUX_ATTRIBUTE, value, value.length);
  return length < 0 ? undefined : textOf(value.subarray(0, length));
};

const CONTEXTS = '/sys/fs/selinux/context';

/** Asks the kernel whether the loaded policy knows a label: a privileged process could give others, too. */
function checkLabel(sys: LiveSys, label: string): void {
  const asking = sys.or(`cannot use the label ${label}`).explaining(`file-label ${label}`);
  const fd = asking.open(CONTEXTS, O_RDWR);
  try {
    asking.write(fd, encode(`${label}\0`));
  } finally {
    sys.ignoring().close(fd);
  }
}

/** Labels all files of a tree; where one cannot be labelled, those before it get back what they had. */
export function labelTree(sys: LiveSys, tree: string, wanted: string): void {
  const checked = new Set<string>();
  atOnce(sys, (steps) => {
    for (const path of walkTree(tree)) {
      const current = readLabel(sys, path);
      const label = labelFor(wanted, current);
      if (label === current) continue;
      if (!checked.has(label)) checkLabel(sys, label);
      checked.add(label);
      sys
        .or(`cannot label '${path}' ${label}`)
        .explaining(`file-label ${label} ${path}`)
        .lsetxattr(path, SELINUX_ATTRIBUTE, attributeOf(label));
      if (current !== undefined) steps.undo((back) => back.lsetxattr(path, SELINUX_ATTRIBUTE, attributeOf(current)));
    }
  });
}
