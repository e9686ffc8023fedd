/** What is read of the target process while planning. */
import { parseHierarchies } from '@ts/cgroups';
import { INT_MAX, parseInteger, type World } from '@ts/cli';
import { parseIdMap } from '@ts/namespaces';
import { Block, decode, Failure, live, parseAccountId, parseCBigInt, saying, stat } from '@ts/sys';

export interface Target {
  readonly pid: number;
  /** Descriptor that holds the process already, where it was looked at to choose it. */
  readonly pidfd?: number;
}

/** Device and inode of what a path leads to; the error as the original words it. */
function identityOf(path: string): string {
  const { dev, ino } = saying(`stat of ${path} failed`, () => stat(path));
  return `${dev}:${ino}`;
}

/** Whether the target is in the caller's own namespace of that kind. */
export const isOwn = (pid: number, file: string): boolean =>
  identityOf(`/proc/self/ns/${file}`) === identityOf(`/proc/${pid}/ns/${file}`);

/** PID, or PID:INODE of the pidfd, which no other process will ever have. 0 names nobody. */
export function parseTarget(text: string | undefined): Target | undefined {
  if (text === undefined) return undefined;
  const [, number = text, inode] = /^(.*?):(\d+)$/s.exec(text) ?? [];
  const pid = parseInteger(number, 'failed to parse pid', 0, INT_MAX);
  if (pid === 0) return undefined;
  return inode === undefined ? { pid } : holdTarget(pid, BigInt(inode));
}

/** Opened now and kept: what is looked at is what will be entered. `inode`: that its pidfd must have. */
export function holdTarget(pid: number, inode?: bigint): Target {
  const pidfd = live().or(`cannot open process ${pid}`).look('pidfd_open', pid, 0);
  if (inode !== undefined) {
    const { ino } = stat(`/proc/self/fd/${pidfd}`);
    if (ino !== inode)
      throw new Failure(
        `process ${pid} is not the one with inode ${inode}`,
        undefined,
        `its pidfd has the inode ${ino} now: the number was given to another process`,
      );
  }
  return { pid, pidfd };
}

/** The same without a word where there is no such process: whoever looks at it says so. */
export function held(pid: number): Target | undefined {
  const pidfd = live().ignoring().look('pidfd_open', pid, 0);
  return pidfd < 0 ? undefined : { pid, pidfd };
}

/** A file of the target; says why it cannot be read. */
function readOf(pid: number, file: string, world: World): string {
  const path = `/proc/${pid}/${file}`;
  const text = world.read(path);
  if (text === undefined)
    throw new Failure(
      `cannot open ${path}: ${world.exists(`/proc/${pid}`) ? 'Permission denied' : 'No such file or directory'}`,
    );
  return text;
}

/** struct iovec {void *iov_base; size_t iov_len} */
function iovec(address: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(address);
  bytes.writeBigUInt64LE(BigInt(length), 8);
  return bytes;
}

/** The most that execve(2) takes, arguments and all: three quarters of 8 MiB. A process may say anything about where its own lies. */
const ENVIRONMENT_MAX = 6n << 20n;

/**
 * What a process holds as its environment, where /proc says that lies, proc_pid_stat(5): who made its user namespace may read
 * its memory, but no file of /proc that belongs to another id. undefined where neither may be.
 */
function environmentInMemory(pid: number, world: World): string | undefined {
  const stat = world.read(`/proc/${pid}/stat`) ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [start, end] = fields.slice(47, 49).map((text) => parseCBigInt(text) ?? 0n) as [bigint?, bigint?];
  if (!start || !end || end < start || end - start > ENVIRONMENT_MAX) return undefined;
  const text = Buffer.alloc(Number(end - start));
  const here = new Block(iovec(0n, text.length), [[0, text]]);
  const size = live().ignoring().look('process_vm_readv', pid, here, 1, iovec(start, text.length), 1, 0);
  return size === text.length ? decode(text) : undefined;
}

export const environmentOf = (pid: number, world: World): readonly string[] =>
  (world.read(`/proc/${pid}/environ`) ?? environmentInMemory(pid, world) ?? readOf(pid, 'environ', world))
    .split('\0')
    .filter(Boolean);

/** Effective user or group id of the target, as its own user namespace counts where `inside`. */
export function idOf(pid: number, which: 'uid' | 'gid', inside: boolean, world: World): number {
  const line = new RegExp(`^${which === 'uid' ? 'Uid' : 'Gid'}:\\s+\\d+\\s+(\\d+)`, 'm').exec(
    readOf(pid, 'status', world),
  );
  const outside = parseAccountId(line?.[1] ?? '');
  if (outside === undefined) throw new Failure(`/proc/${pid}/status does not say the ${which} of process ${pid}`);
  if (!inside) return outside;
  const range = parseIdMap(readOf(pid, `${which}_map`, world)).find(
    ({ outer, count }) => outside >= outer && outside < outer + count,
  );
  if (!range) throw new Failure(`${which} ${outside} of process ${pid} is not mapped in its user namespace`);
  return range.inner + outside - range.outer;
}

/** Files that take the caller into the control groups of the target: one a hierarchy in which it is elsewhere. */
export function groupsOf(pid: number, world: World): readonly string[] {
  const hierarchies = (self: string) =>
    parseHierarchies({
      mountinfo: world.read('/proc/self/mountinfo') ?? '',
      self,
      cgroups: world.read('/proc/cgroups') ?? '',
      controllersOf: (mount) => world.read(`${mount}/cgroup.controllers`) ?? '',
    }).mounted;
  const own = hierarchies(world.read('/proc/self/cgroup') ?? '');
  return hierarchies(readOf(pid, 'cgroup', world)).flatMap(({ mount, own: path, controllers }, index) => {
    if (path === own[index]?.own) return [];
    if (path === undefined || path.split('/').includes('..'))
      throw new Failure(
        `the control group of process ${pid} is not visible below ${mount}`,
        undefined,
        `the hierarchy ${controllers.join(',') || 'of cgroup v2'} is mounted here without its upper part`,
      );
    return [`${mount}${path === '/' ? '' : path}/cgroup.procs`];
  });
}

/** SELinux context of the target, where the kernel has SELinux. */
export function contextOf(pid: number, world: World): string {
  if (!world.exists('/sys/fs/selinux/enforce'))
    throw new Failure(
      'SELinux is not enabled on this system',
      undefined,
      '--follow-context has nothing to follow here: leave it out',
    );
  return readOf(pid, 'attr/current', world);
}
