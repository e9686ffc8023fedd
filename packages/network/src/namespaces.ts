/** Named network namespaces: files that the kernel keeps them alive by, ip-netns(8). */
import { inNamespace, inNewNamespace, openNamespace, ownNamespace } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, type LiveSys } from '@ts/sys';
import { because } from './failure.ts';

/** Where they are. */
export const RUN = '/run/netns';
/** Files that a program in the namespace sees in place of those in /etc. */
export const ETC = '/etc/netns';

/** Exit status where there is no such namespace. */
const NONE = 255;

const isName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !name.includes('/') && Buffer.byteLength(name) <= 255;

/** Path of a namespace by name; a path stands for itself. */
export const pathOf = (name: string): string => (name.includes('/') ? name : `${RUN}/${name}`);

/** @throws Failure where a namespace cannot have that name. */
export function checkNamespace(name: string): string {
  if (!isName(name)) throw new Failure(`Invalid netns name "${name}"`, NONE);
  return name;
}

/** Opens a namespace by name or path that is to be entered. @throws NetworkFailure `enter`, as iproute2 says it. */
export function openNamed(kernel: LiveSys, name: string): number {
  let fd: number;
  try {
    fd = openNamespace(kernel, pathOf(name));
  } catch (error) {
    throw because('enter', `Cannot open network namespace "${name}"`, error, NONE, name);
  }
  try {
    inNamespace(kernel, fd, () => {});
    return fd;
  } catch (error) {
    kernel.look('close', fd);
    throw because('enter', `setting the network namespace "${name}" failed`, error, NONE, name);
  }
}

/** The folder as a mount that other mount namespaces share, so that names made here are seen there, and go there. @throws NetworkFailure `file` */
export function shareFolder(kernel: LiveSys): void {
  try {
    kernel.or(`mkdir ${RUN} failed`).ignoring(sys.errnoOf('EEXIST')).mkdir(RUN, 0o755);
    const lock = kernel.ignoring().look('openat', -100, RUN, sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC, 0);
    try {
      if (lock >= 0) kernel.ignoring().flock(lock, sys.LOCK_EX);
      share(kernel);
    } finally {
      if (lock >= 0) kernel.look('close', lock);
    }
  } catch (error) {
    throw because('file', error instanceof sys.SysError ? (error.context ?? error.call) : '', error);
  }
}

function share(kernel: LiveSys): void {
  const EINVAL = sys.errnoOf('EINVAL');
  const shared = sys.MS_SHARED | sys.MS_REC;
  const refusal = kernel.or(`mount --make-shared ${RUN} failed`).ignoring(EINVAL).mount('', RUN, 'none', shared);
  if (refusal !== -EINVAL) return;
  kernel.or(`mount --bind ${RUN} ${RUN} failed`).mount(RUN, RUN, 'none', sys.MS_BIND | sys.MS_REC);
  kernel.or(`mount --make-shared ${RUN} failed`).mount('', RUN, 'none', shared);
}

/** An empty file that the namespace is mounted on. */
function makeFile(kernel: LiveSys, name: string): string {
  const path = `${RUN}/${name}`;
  try {
    const fd = kernel.open(path, sys.O_RDONLY | sys.O_CREAT | sys.O_EXCL, 0);
    kernel.close(fd);
  } catch (error) {
    throw because('file', `Cannot create namespace file "${path}"`, error);
  }
  return path;
}

function bindTo(kernel: LiveSys, source: string, path: string): void {
  try {
    kernel.mount(source, path, 'none', sys.MS_BIND);
  } catch (error) {
    kernel.ignoring().unlink(path);
    throw because('file', `Bind ${source} -> ${path} failed`, error);
  }
}

/** A new namespace under a name; nothing of it stays where a step fails. @throws NetworkFailure `file` */
export function makeNamed(kernel: LiveSys, name: string): void {
  shareFolder(kernel);
  const path = makeFile(kernel, checkNamespace(name));
  try {
    inNewNamespace(kernel, () => bindTo(kernel, '/proc/self/ns/net', path));
  } catch (error) {
    if (error instanceof sys.SysError) {
      kernel.ignoring().umount2(path, sys.MNT_DETACH);
      kernel.ignoring().unlink(path);
    }
    throw because('file', `Failed to create a new network namespace "${name}"`, error);
  }
}

/** A name for the namespace that a process is in. @throws NetworkFailure `file` */
export function nameThatOf(kernel: LiveSys, pid: number, name: string): void {
  checkNamespace(name);
  shareFolder(kernel);
  bindTo(kernel, `/proc/${pid}/ns/net`, makeFile(kernel, name));
}

/** Takes a name away; the namespace lives on while somebody else keeps it. @throws NetworkFailure `file` */
export function unname(kernel: LiveSys, name: string): void {
  const path = `${RUN}/${checkNamespace(name)}`;
  kernel.ignoring().umount2(path, sys.MNT_DETACH);
  try {
    kernel.unlink(path);
  } catch (error) {
    throw because('file', `Cannot remove namespace file "${path}"`, error);
  }
}

/** A namespace without a name, held by the descriptor that it gives. */
export const makeUnnamed = (kernel: LiveSys): number =>
  inNewNamespace(
    kernel,
    () => ownNamespace(kernel),
    kernel.or('cannot make a network namespace').explaining('unshare net'),
  );
