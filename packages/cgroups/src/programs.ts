/** The BPF programs that decide on a v2 group's devices: looked at, and put in each other's place. */
import {
  BPF_CGROUP_DEVICE,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  decode,
  encode,
  live,
  O_DIRECTORY,
  O_RDONLY,
  type Sys,
  SysError,
} from '@ts/sys';
import { compileRules, type DeviceRules, EVERYTHING, formatRules, parseRules, programName } from './devices.ts';

/** Where the rules of the program stand in words: it goes with the group. */
const ATTRIBUTE = 'user.devices.rules';
const LICENSE = 'MIT';

/** Programs that decide on the devices of a group. */
export interface Attached {
  /** What our own program does; everything is allowed where there is none. */
  readonly rules: DeviceRules;
  /** Id of our own program. */
  readonly id?: number;
  /** Ids and names of others: each of them must allow, too. */
  readonly others: readonly { readonly id: number; readonly name: string }[];
}

const NOTHING: Attached = { rules: EVERYTHING, others: [] };

/** What is attached to the group itself. Nothing where that cannot be seen, which takes CAP_BPF and CAP_NET_ADMIN. */
export function attachedTo(directory: string): Attached {
  const sys = live();
  const written = textOf(directory);
  const kept = written === undefined ? undefined : parseRules(written);
  let folder: number | undefined;
  try {
    folder = sys.open(directory, O_RDONLY | O_DIRECTORY);
    const programs = sys.bpf_prog_query(folder, BPF_CGROUP_DEVICE).map((id) => {
      const fd = sys.bpf_prog_get_fd_by_id(id);
      const name = sys.bpf_prog_name(fd);
      sys.close(fd);
      return { id, name };
    });
    const own = kept && programs.find(({ name }) => name === programName(kept));
    return {
      rules: own ? (kept as DeviceRules) : EVERYTHING,
      id: own?.id,
      others: programs.filter((program) => program !== own),
    };
  } catch (error) {
    // Whoever may not look may not change it either, and is told so then.
    if (error instanceof SysError) return kept ? { rules: kept, others: [] } : NOTHING;
    throw error;
  } finally {
    if (folder !== undefined) sys.close(folder);
  }
}

/** Whether the kernel knows nothing of programs that decide on devices; asked, since its settings can seldom be read. */
export function lacksPrograms(directory: string): boolean {
  const sys = live();
  let folder: number | undefined;
  try {
    folder = sys.open(directory, O_RDONLY | O_DIRECTORY);
    sys.bpf_prog_query(folder, BPF_CGROUP_DEVICE);
    return false;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return error.syscall === 'bpf' && (error.code === 'EINVAL' || error.code === 'ENOSYS');
  } finally {
    if (folder !== undefined) sys.close(folder);
  }
}

function textOf(directory: string): string | undefined {
  try {
    return decode(live().getxattr(directory, ATTRIBUTE));
  } catch (error) {
    if (error instanceof SysError) return undefined; // none, or a file system without
    throw error;
  }
}

/** Makes these rules those of the group, in one step for whoever uses devices meanwhile; `id`: our program that was there. */
export function putRules(sys: Sys, directory: string, rules: DeviceRules, id: number | undefined): void {
  const folder = sys.open(directory, O_RDONLY | O_DIRECTORY);
  const old = id === undefined ? undefined : sys.bpf_prog_get_fd_by_id(id);
  if (rules.allow && !rules.exceptions.length) {
    if (old !== undefined) sys.bpf_prog_detach(folder, old, BPF_CGROUP_DEVICE);
    sys.ignoring().removexattr(directory, ATTRIBUTE);
  } else {
    const name = programName(rules);
    const program = sys.bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, compileRules(rules), LICENSE, name);
    sys.bpf_prog_attach(folder, program, BPF_CGROUP_DEVICE, old);
    sys.setxattr(directory, ATTRIBUTE, encode(formatRules(rules)));
    sys.close(program);
  }
  if (old !== undefined) sys.close(old);
  sys.close(folder);
}
