/** Numbers of system calls, constants and errors are those of the kernel's headers, on both architectures. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { COMPILERS, compilerVersion } from '../runner/compile.ts';
import { type Arch, CALLS, errors } from '../src/index.ts';
import { valuesOf } from './constants.ts';

/** The kernel's own headers; those of the C library for what the kernel keeps to itself (MNT_DETACH). The two do not mix. */
const KERNEL = [
  'bpf',
  'audit',
  'capability',
  'fcntl',
  'filter',
  'fs',
  'inotify',
  'landlock',
  'loop',
  'magic',
  'memfd',
  'mount',
  'net_namespace',
  'netlink',
  'nsfs',
  'openat2',
  'prctl',
  'resource',
  'rtnetlink',
  'sched',
  'seccomp',
  'securebits',
  'sockios',
  'stat',
  'wait',
  'xattr',
].map((name) => `linux/${name}.h`);
/** The kernel's headers that include some of the C library's. */
const NETWORK = [
  'sys/socket.h',
  ...[
    'if',
    'fib_rules',
    'if_addr',
    'if_arp',
    'if_link',
    'if_tun',
    'if_tunnel',
    'ip6_tunnel',
    'neighbour',
    'netlink',
    'nexthop',
    'netfilter',
    'netfilter/nfnetlink',
    'netfilter/nf_tables',
    'rtnetlink',
    'veth',
  ].map((name) => `linux/${name}.h`),
  'sys/ioctl.h',
];
const LIBRARY = [
  'fcntl.h',
  'signal.h',
  'sys/file.h',
  'sys/ioctl.h',
  'sys/mount.h',
  'sys/resource.h',
  'sys/socket.h',
  'sys/stat.h',
  'sys/wait.h',
];

/** Enumerators, which the preprocessor cannot ask for: there since Linux 5.2 or longer. */
const isEnumerator = (name: string) =>
  /^(FSCONFIG|LO_FLAGS|NETNSA|LANDLOCK_RULE|BPF_PROG|BPF_OBJ|BPF_CGROUP|BPF_DEVCG)_/.test(name) && !(name in NEWER);
const isNetworkEnumerator = (name: string) =>
  /^(NLMSGERR_ATTR|IFLA|IFA(?!_F_)|NDA|RTN(?!H_F)|RT_SCOPE|RT_TABLE|RTAX?|RTNLGRP|FRA|FR_ACT|VETH_INFO|MACVLAN_MODE|NFNL_MSG|NFPROTO|NF_INET|NFTA?|NHA|NEXTHOP_GRP|IFF|NETLINK_EXT)_/.test(
    name,
  ) && !(name in NEWER);

/** Newer than the headers of some systems: the value, and the Linux that brought it. Compared with the headers where they have it. */
const NEWER: Readonly<Record<string, readonly [value: number, since: string]>> = {
  FSCONFIG_CMD_CREATE_EXCL: [8, '6.6'],
  LANDLOCK_ACCESS_FS_TRUNCATE: [0x4000, '6.2'],
  LANDLOCK_ACCESS_FS_IOCTL_DEV: [0x8000, '6.10'],
  LANDLOCK_ACCESS_FS_RESOLVE_UNIX: [0x10000, '7.1'],
  LANDLOCK_ACCESS_NET_BIND_TCP: [1, '6.7'],
  LANDLOCK_ACCESS_NET_CONNECT_TCP: [2, '6.7'],
  LANDLOCK_ACCESS_NET_BIND_UDP: [4, '7.2'],
  LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP: [8, '7.2'],
  LANDLOCK_CREATE_RULESET_ERRATA: [2, '6.15'],
  LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF: [1, '6.15'],
  LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON: [2, '6.15'],
  LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF: [4, '6.15'],
  LANDLOCK_RULE_NET_PORT: [2, '6.7'],
  LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET: [1, '6.12'],
  LANDLOCK_SCOPE_SIGNAL: [2, '6.12'],
  MFD_NOEXEC_SEAL: [8, '6.3'],
  MFD_EXEC: [16, '6.3'],
  MOVE_MOUNT_BENEATH: [0x200, '6.5'],
  STATMOUNT_MNT_BASIC: [0x2, '6.8'],
  STATMOUNT_MNT_GIDMAP: [0x4000, '6.15'],
  STATMOUNT_MNT_UIDMAP: [0x2000, '6.15'],
  STATX_MNT_ID_UNIQUE: [0x4000, '6.8'],
  NS_GET_MNTNS_ID: [0x8008b705, '6.11'],
  NS_GET_PID_FROM_PIDNS: [0x8004b706, '6.11'],
  NS_GET_TGID_FROM_PIDNS: [0x8004b707, '6.11'],
  NS_GET_PID_IN_PIDNS: [0x8004b708, '6.11'],
  NS_GET_TGID_IN_PIDNS: [0x8004b709, '6.11'],
  SECBIT_EXEC_RESTRICT_FILE: [0x100, '6.14'],
  SECBIT_EXEC_RESTRICT_FILE_LOCKED: [0x200, '6.14'],
  SECBIT_EXEC_DENY_INTERACTIVE: [0x400, '6.14'],
  SECBIT_EXEC_DENY_INTERACTIVE_LOCKED: [0x800, '6.14'],
  NS_GET_ID: [0x8008b70d, '6.18'],
  SO_NETNS_COOKIE: [71, '5.14'],
  IFLA_GSO_IPV4_MAX_SIZE: [63, '6.3'],
  IFLA_GRO_IPV4_MAX_SIZE: [64, '6.3'],
  IFLA_BR_FDB_N_LEARNED: [48, '6.7'],
  IFLA_BR_FDB_MAX_LEARNED: [49, '6.7'],
  IFLA_BRPORT_MAB: [40, '6.2'],
  IFLA_BRPORT_NEIGH_VLAN_SUPPRESS: [43, '6.4'],
  IFLA_BRPORT_BACKUP_NHID: [44, '6.6'],
  IFLA_MACVLAN_BC_CUTOFF: [9, '6.4'],
  IFLA_VXLAN_LOCALBYPASS: [31, '6.5'],
  IFLA_VXLAN_RESERVED_BITS: [33, '6.14'],
  NHA_OP_FLAGS: [14, '6.9'],
  NHA_GROUP_STATS: [15, '6.9'],
  NHA_HW_STATS_ENABLE: [16, '6.9'],
  NHA_HW_STATS_USED: [17, '6.9'],
  NHA_GROUP_STATS_ENTRY: [1, '6.9'],
  NHA_GROUP_STATS_ENTRY_ID: [1, '6.9'],
  NHA_GROUP_STATS_ENTRY_PACKETS: [2, '6.9'],
  NHA_GROUP_STATS_ENTRY_PACKETS_HW: [3, '6.9'],
  NHA_OP_FLAG_DUMP_STATS: [1, '6.9'],
  NHA_OP_FLAG_DUMP_HW_STATS: [2, '6.9'],
  NTF_EXT_LOCKED: [2, '6.2'],
  NTF_EXT_EXT_VALIDATED: [4, '6.17'],
  FRA_DSCP: [25, '6.13'],
  FRA_FLOWLABEL: [26, '6.14'],
  FRA_FLOWLABEL_MASK: [27, '6.14'],
  FRA_SPORT_MASK: [28, '6.15'],
  FRA_DPORT_MASK: [29, '6.15'],
  FRA_DSCP_MASK: [30, '6.15'],
  IFLA_BOND_COUPLED_CONTROL: [32, '6.9'],
  IFLA_NETKIT_PEER_INFO: [1, '6.7'],
  IFLA_NETKIT_PRIMARY: [2, '6.7'],
  IFLA_NETKIT_POLICY: [3, '6.7'],
  IFLA_NETKIT_PEER_POLICY: [4, '6.7'],
  IFLA_NETKIT_MODE: [5, '6.7'],
  IFLA_NETKIT_SCRUB: [6, '6.13'],
  IFLA_NETKIT_PEER_SCRUB: [7, '6.13'],
  IFLA_HSR_INTERLINK: [8, '6.10'],
  RTA_FLOWLABEL: [31, '6.14'],
};
/** The same for system calls; from 424 on the number is one for all architectures. */
const NEWER_CALLS: typeof NEWER = {
  statmount: [457, '6.8'],
  listmount: [458, '6.8'],
  open_tree_attr: [467, '6.15'],
};

/** In the order of bytes of the network there (__be16); ours are those of the host. */
const isOfNetwork = (name: string) => /^GRE_/.test(name);
const swapped = (value: bigint) => ((value & 0xffn) << 8n) | ((value >> 8n) & 0xffn);

/** The constants as a process on that architecture sees them. */
async function constantsOn(arch: Arch): Promise<Readonly<Record<string, unknown>>> {
  vi.spyOn(process, 'arch', 'get').mockReturnValue(arch);
  vi.resetModules();
  return import('../src/const/index.ts');
}

/** Values modulo 2^32: the kernel's flags are unsigned, C's constants mostly int. Larger ones as they are. */
const word = (value: bigint | number) =>
  value > 0xffffffffn && BigInt.asUintN(64, BigInt(value)) >> 32n !== 0xffffffffn
    ? BigInt(value)
    : BigInt.asUintN(32, BigInt(value));

afterEach(() => {
  vi.restoreAllMocks();
});

for (const arch of Object.keys(COMPILERS) as Arch[]) {
  const compiler = COMPILERS[arch];
  const needsCompiler = () => (compilerVersion(arch) === undefined ? `no compiler: ${compiler}` : undefined);

  describe(`headers of ${arch}`, () => {
    test('system calls', (context) => {
      const reason = needsCompiler();
      if (reason) context.skip(reason);
      const numbers = valuesOf(
        compiler,
        ['asm/unistd.h'],
        Object.keys(CALLS).map((name) => `__NR_${name}`),
      );
      for (const [name, [x64, arm64]] of Object.entries(CALLS)) {
        const known = numbers.get(`__NR_${name}`) ?? NEWER_CALLS[name]?.[0];
        expect({ name, number: arch === 'x64' ? x64 : arm64 }).toEqual({
          name,
          number: known === undefined ? 'in the headers' : Number(known),
        });
      }
    });

    test('constants', async (context) => {
      const reason = needsCompiler();
      if (reason) context.skip(reason);
      const ours = await constantsOn(arch);
      const names = Object.keys(ours).filter(
        (name) => typeof ours[name] === 'number' || typeof ours[name] === 'bigint',
      );
      expect(names.length).toBeGreaterThan(250);
      const kernel = valuesOf(compiler, KERNEL, names, names.filter(isEnumerator));
      const network = valuesOf(compiler, NETWORK, names, names.filter(isNetworkEnumerator));
      const library = valuesOf(compiler, LIBRARY, names);
      for (const name of names) {
        const known = kernel.get(name) ?? network.get(name) ?? library.get(name) ?? NEWER[name]?.[0];
        expect({ name, value: word(ours[name] as number | bigint) }).toEqual({
          name,
          value: known === undefined ? 'in the headers' : word(isOfNetwork(name) ? swapped(BigInt(known)) : known),
        });
      }
    });

    test('error numbers', (context) => {
      const reason = needsCompiler();
      if (reason) context.skip(reason);
      const numbers = valuesOf(
        compiler,
        ['asm/errno.h'],
        errors().map(([, name]) => name),
      );
      for (const [number, name] of errors()) expect([name, Number(numbers.get(name))]).toEqual([name, number]);
    });
  });
}
