import { decode, encode } from '../bytes.ts';
import type { Caller } from '../caller.ts';
import { BPF_F_ALLOW_MULTI, BPF_F_REPLACE } from '../const/bpf_cgroup.ts';
import {
  BPF_OBJ_GET_INFO_BY_FD,
  BPF_PROG_ATTACH,
  BPF_PROG_DETACH,
  BPF_PROG_GET_FD_BY_ID,
  BPF_PROG_LOAD,
  BPF_PROG_QUERY,
} from '../const/bpf_cmd.ts';
import { Block, type Int } from '../operand.ts';
import { decodeStruct, encodeStruct, type Layout, offsetOf } from '../struct.ts';

const PROG_LOAD = {
  prog_type: 'u32',
  insn_cnt: 'u32',
  insns: 'u64',
  license: 'u64',
  log_level: 'u32',
  log_size: 'u32',
  log_buf: 'u64',
  kern_version: 'u32',
  prog_flags: 'u32',
  name_low: 'u64',
  name_high: 'u64',
} as const;

/** The kernel keeps 15 bytes of a program's name. */
const NAME_BYTES = 16;

/**
 * Has the kernel check a BPF program and take it in, as bpf(2) BPF_PROG_LOAD.
 *
 * @param type BPF_PROG_TYPE_*. @param instructions 8 bytes each. @param name Letters, digits, `_` and `.`, at most 15.
 * @returns A descriptor of the program. @throws EPERM without CAP_BPF, EINVAL or EACCES where the verifier refuses it, E2BIG.
 */
export function bpf_prog_load(sys: Caller, type: number, instructions: Uint8Array, license: string, name: string) {
  const attributes = encodeStruct(PROG_LOAD, { prog_type: type, insn_cnt: instructions.length / 8 });
  attributes.set(encode(name).subarray(0, NAME_BYTES - 1), offsetOf(PROG_LOAD, 'name_low'));
  const block = new Block(attributes, [
    [offsetOf(PROG_LOAD, 'insns'), instructions],
    [offsetOf(PROG_LOAD, 'license'), license],
  ]);
  return sys.do('bpf', BPF_PROG_LOAD, block, attributes.length);
}

const PROG_ATTACH = {
  target_fd: 'u32',
  attach_bpf_fd: 'u32',
  attach_type: 'u32',
  attach_flags: 'u32',
  replace_bpf_fd: 'u32',
} as const;

/** The structure with descriptors that may be known only when a tape is played. */
function attachment(sys: Caller, fields: { [K in keyof typeof PROG_ATTACH]?: Int }): Buffer {
  const attributes = encodeStruct(PROG_ATTACH, {});
  for (const [name, value] of Object.entries(fields) as [keyof typeof PROG_ATTACH, Int][])
    sys.fill(attributes, offsetOf(PROG_ATTACH, name), value, 4);
  return attributes;
}

/**
 * Attaches a program to a control group beside those that are there, or in the place of one of them (`replaced`), as
 * bpf(2) BPF_PROG_ATTACH.
 *
 * @param target Descriptor of the group's folder. @param program, replaced Descriptors of programs. @param type BPF_CGROUP_*.
 * @throws EPERM without CAP_NET_ADMIN, ENOENT where `replaced` is not attached, E2BIG at 64 programs.
 */
export const bpf_prog_attach = (sys: Caller, target: Int, program: Int, type: number, replaced?: Int) => {
  const attributes = attachment(sys, {
    target_fd: target,
    attach_bpf_fd: program,
    attach_type: type,
    attach_flags: BPF_F_ALLOW_MULTI | (replaced === undefined ? 0 : BPF_F_REPLACE),
    ...(replaced === undefined ? {} : { replace_bpf_fd: replaced }),
  });
  return sys.do('bpf', BPF_PROG_ATTACH, attributes, attributes.length);
};

/** Takes a program off a control group, as bpf(2) BPF_PROG_DETACH. ENOENT where it is not attached. */
export const bpf_prog_detach = (sys: Caller, target: Int, program: Int, type: number) => {
  const attributes = attachment(sys, { target_fd: target, attach_bpf_fd: program, attach_type: type });
  return sys.do('bpf', BPF_PROG_DETACH, attributes, attributes.length);
};

const PROG_QUERY = {
  target_fd: 'u32',
  attach_type: 'u32',
  query_flags: 'u32',
  attach_flags: 'u32',
  prog_ids: 'u64',
  prog_cnt: 'u32',
} as const;

/** The kernel lets no more be attached to one group. */
const MAX_PROGRAMS = 64;

/** Ids of the programs that are attached to this very control group, as bpf(2) BPF_PROG_QUERY. EPERM without CAP_NET_ADMIN. */
export function bpf_prog_query(sys: Caller, target: number, type: number): number[] {
  const ids = Buffer.alloc(4 * MAX_PROGRAMS);
  const attributes = encodeStruct(PROG_QUERY, { target_fd: target, attach_type: type, prog_cnt: MAX_PROGRAMS });
  sys.look('bpf', BPF_PROG_QUERY, new Block(attributes, [[offsetOf(PROG_QUERY, 'prog_ids'), ids]]), attributes.length);
  const { prog_cnt } = decodeStruct(PROG_QUERY, attributes);
  return Array.from({ length: prog_cnt }, (_, index) => ids.readUInt32LE(4 * index));
}

/** A descriptor of the program of that id, as bpf(2) BPF_PROG_GET_FD_BY_ID. EPERM without CAP_SYS_ADMIN, ENOENT. */
export const bpf_prog_get_fd_by_id = (sys: Caller, id: number) => {
  const attributes = encodeStruct({ id: 'u32', next: 'u32', flags: 'u32' }, { id });
  return sys.do('bpf', BPF_PROG_GET_FD_BY_ID, attributes, attributes.length);
};

/** struct bpf_prog_info up to the name; what is behind it is not asked for. */
const PROG_INFO = {
  type: 'u32',
  id: 'u32',
  tag: 'u64',
  jited_prog_len: 'u32',
  xlated_prog_len: 'u32',
  jited_prog_insns: 'u64',
  xlated_prog_insns: 'u64',
  load_time: 'u64',
  created_by_uid: 'u32',
  nr_map_ids: 'u32',
  map_ids: 'u64',
  name_low: 'u64',
  name_high: 'u64',
} as const satisfies Layout;

/** Name of a program, as bpf(2) BPF_OBJ_GET_INFO_BY_FD. */
export function bpf_prog_name(sys: Caller, fd: number): string {
  const info = encodeStruct(PROG_INFO, {});
  const layout = { bpf_fd: 'u32', info_len: 'u32', info: 'u64' } as const;
  const attributes = encodeStruct(layout, { bpf_fd: fd, info_len: info.length });
  sys.look('bpf', BPF_OBJ_GET_INFO_BY_FD, new Block(attributes, [[offsetOf(layout, 'info'), info]]), attributes.length);
  const name = info.subarray(offsetOf(PROG_INFO, 'name_low'), offsetOf(PROG_INFO, 'name_low') + NAME_BYTES);
  return decode(name.subarray(0, name.indexOf(0)));
}
