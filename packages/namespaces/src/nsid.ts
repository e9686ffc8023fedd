/** A namespace by the id that the kernel gave it. name_to_handle_at(2), open_by_handle_at(2), linux/nsfs.h. */
import { AT_EMPTY_PATH, AT_FDCWD, type LiveSys, O_CLOEXEC, O_RDONLY } from '@ts/sys';
import type { NamespaceMount } from './nsfs.ts';
import { liveReader, nsidOf } from './reader.ts';
import { type Namespace, surveyNamespaces } from './survey.ts';

/** struct file_handle {u32 handle_bytes; s32 handle_type} and struct nsfs_file_handle {u64 ns_id; u32 ns_type; u32 ns_inum}. */
const HEADER = 8;
const BODY = 16;

/** Since Linux 6.19 the id alone makes a handle; the type of handle is that of a namespace file that we have. */
function openByHandle(sys: LiveSys, id: number): number | undefined {
  const looking = sys.ignoring();
  const own = looking.look('openat', AT_FDCWD, '/proc/self/ns/mnt', O_RDONLY | O_CLOEXEC, 0);
  if (own < 0) return undefined;
  const handle = Buffer.alloc(HEADER + BODY);
  handle.writeUInt32LE(BODY);
  const isKnown = looking.look('name_to_handle_at', own, '', handle, Buffer.alloc(4), AT_EMPTY_PATH) >= 0;
  handle.fill(0, HEADER);
  handle.writeBigUInt64LE(BigInt(id), HEADER);
  const fd = isKnown ? looking.look('open_by_handle_at', own, handle, O_RDONLY | O_CLOEXEC) : -1;
  looking.look('close', own);
  return fd < 0 ? undefined : fd;
}

/** Whether this kernel gives namespaces ids. */
export function hasNsids(sys: LiveSys): boolean {
  const own = sys.look('openat', AT_FDCWD, '/proc/self/ns/uts', O_RDONLY | O_CLOEXEC, 0);
  const id = nsidOf(sys, own);
  sys.look('close', own);
  return id !== undefined;
}

/** What was found: a descriptor, or a namespace whose inode number it is. */
export interface FoundById {
  readonly fd?: number;
  readonly byInode?: Namespace;
}

/**
 * Opens the namespace that has an id, whatever its kind: by a file handle, else (the kernel wants kind and inode number in it
 * before Linux 6.19) among those that can be seen in /proc.
 *
 * @param id As `Opened.nsid`. The descriptor is the caller's, close-on-exec.
 */
export function openNamespaceById(sys: LiveSys, id: number, mounts: readonly NamespaceMount[]): FoundById {
  let fd = openByHandle(sys, id);
  if (fd !== undefined) return { fd };
  const { namespaces } = surveyNamespaces(liveReader(sys), {
    mounts,
    nsid: true,
    visit: ({ nsid }, opened) => {
      if (nsid === id) fd ??= opened.keep();
    },
  });
  return { fd, byInode: namespaces.get(id) };
}
