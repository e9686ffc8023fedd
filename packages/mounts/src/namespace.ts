/** Acting in another mount namespace, and coming back. */
import {
  atOnce,
  CLONE_FS,
  CLONE_NEWNS,
  type Int,
  type LiveSys,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  readOpenText,
  type Steps,
} from '@ts/sys';

/** The file of a namespace that is named by a PID or by its file. */
export const namespaceFile = (text: string): string => (/^\d+$/.test(text) ? `/proc/${text}/ns/mnt` : text);

const FAILED = 2;

interface Place {
  readonly namespace: Int;
  readonly root: Int;
  readonly directory: Int;
}

function here(sys: Steps): Place {
  return {
    namespace: sys.or('cannot open /proc/self/ns/mnt').open('/proc/self/ns/mnt', O_RDONLY),
    root: sys.or('cannot open /').open('/', O_PATH | O_DIRECTORY),
    directory: sys.or('cannot open the working directory').open('.', O_PATH | O_DIRECTORY),
  };
}

/** setns(2) moves root and working directory to the root of the namespace, so they are set again. `left` is called between. */
function goBack(sys: Steps, { namespace, root, directory }: Place, left?: () => void): void {
  sys.setns(namespace, CLONE_NEWNS);
  left?.();
  sys.fchdir(root);
  sys.chroot('.');
  sys.fchdir(directory);
}

/**
 * Does `work` in the mount namespace of `file`. Paths are then those of its root.
 *
 * @param comeBack Whether something follows that is to be done here. @throws EPERM without CAP_SYS_ADMIN over it, EINVAL for
 *   a file that is none. Errors end a tool with status 2.
 */
export function inNamespace(sys: Steps, file: string, comeBack: boolean, work: () => void): void {
  const entering = sys.or(`failed to set target namespace to ${file}`, { status: FAILED });
  const there = entering.open(file, O_RDONLY);
  // The runtime's threads share root and working directory with this one; setns(2) wants them for itself.
  if (sys.live) sys.or('unshare failed').unshare(CLONE_FS);
  const place = comeBack ? here(sys) : undefined;
  entering.setns(there, CLONE_NEWNS);
  if (place) sys.undo((back) => goBack(back, place));
  work();
  if (!place) return;
  // What is to be taken back was made there.
  const left = () => sys.undo((back) => back.setns(there, CLONE_NEWNS));
  goBack(sys.or('cannot return from the target namespace'), place, left);
}

/**
 * Reads the table of mounts of whichever namespace this process is in, by way of the /proc of now: that of another namespace may be
 * anybody's.
 */
export function tableReader(sys: LiveSys): () => string {
  const own = sys.or('cannot open /proc/self').open('/proc/self', O_PATH | O_DIRECTORY);
  return () => {
    const table = sys.or('cannot open mountinfo').do('openat', own, 'mountinfo', O_RDONLY);
    try {
      return readOpenText(table);
    } finally {
      sys.close(table);
    }
  };
}

/** The table of mounts of the namespace of `file`, which is entered for good. @throws as `inNamespace` does. */
export function mountinfoThere(sys: LiveSys, file: string): string {
  const read = tableReader(sys);
  let table = '';
  atOnce(sys, (steps) =>
    inNamespace(steps, file, false, () => {
      table = read();
    }),
  );
  return table;
}
