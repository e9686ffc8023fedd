/**
 * The profile that container engines put a container under unless told otherwise: an allow-list for ordinary programs,
 * with more for those that keep the capability that a call needs.
 *
 * What it allows is the engine's published list of 2026; the order is ours. Differences: adjtimex(2) and clock_adjtime(2) need
 * CAP_SYS_TIME, as the engine's documentation says and the list itself does not.
 */
import { capabilityNumber } from '@ts/capabilities';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
} from '@ts/sys';
import type { Comparison } from './policy.ts';
import type { Guard, Profile, Rule } from './profile.ts';

export const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

const EPERM = 1;
const ENOSYS = 38;

/** Files: paths, descriptors, data, attributes, what waits on them. */
const FILES = `
  access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
  fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync flock fstat
  fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown lchown32
  link linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64
  preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir
  sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate
  truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev
  fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr lremovexattr
  lsetxattr removexattr removexattrat setxattr setxattrat
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
  _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select
  cachestat fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch listmount name_to_handle_at statmount
  io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get ioprio_set
`;

const MEMORY = `
  brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap
  mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages
`;

/** Processes and threads: life, signals, ids, limits, scheduling. */
const PROCESSES = `
  execve execveat exit exit_group fork vfork kill pause pidfd_open pidfd_send_signal prctl restart_syscall seccomp tgkill
  tkill wait4 waitid waitpid
  capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid
  getresgid getresgid32 getresuid getresuid32 getsid gettid getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid
  setgid32 setgroups setgroups32 setpgid setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
  setsid setuid setuid32
  futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area rseq set_robust_list
  set_thread_area set_tid_address uretprobe
  rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn
  getcpu getpriority getrlimit getrusage prlimit64 sched_get_priority_max sched_get_priority_min sched_getaffinity
  sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield setpriority setrlimit ugetrlimit
  getrandom sysinfo uname
  landlock_add_rule landlock_create_ruleset landlock_restrict_self riscv_hwprobe
`;

const TIME = `
  alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer
  gettimeofday nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
  timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
`;

/** Sockets (which families is asked below), System V and POSIX queues, semaphores, shared memory. */
const COMMUNICATION = `
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send
  sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
  ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
  msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
`;

const allow = (names: string, guards: { includes?: Guard; excludes?: Guard } = {}): Rule => ({
  names: words(names),
  action: SECCOMP_RET_ALLOW,
  ...guards,
});

const allowWhere = (name: string, comparison: Comparison, value: number, mask?: number, excludes?: Guard): Rule => ({
  ...allow(name, { excludes }),
  conditions: [
    { index: 0, comparison, value: BigInt(value), mask: mask === undefined ? undefined : BigInt(mask >>> 0) },
  ],
});

const capability = (name: string): Guard => ({ caps: [capabilityNumber(name) as number] });

/** With a capability in the container's bounding set come the calls that ask for it. */
const WITH_CAPABILITY: Readonly<Record<string, string>> = {
  cap_bpf: 'bpf',
  cap_dac_read_search: 'open_by_handle_at',
  cap_perfmon: 'perf_event_open',
  cap_sys_admin: `
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
    sethostname setns syslog umount umount2 unshare
  `,
  cap_sys_boot: 'reboot',
  cap_sys_chroot: 'chroot',
  cap_sys_module: 'delete_module finit_module init_module',
  cap_sys_nice: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  cap_sys_pacct: 'acct',
  cap_sys_ptrace: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
  cap_sys_rawio: 'ioperm iopl',
  cap_sys_time: 'adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime',
  cap_sys_tty_config: 'vhangup',
  cap_syslog: 'syslog',
};

/** All families of sockets below this one. */
const FAMILIES_BELOW = 12;
/** And of those from there on these: not DECnet, ATM's, IrDA, CAIF, the kernel's ciphers, virtual machines' (AF_VSOCK). */
const FAMILIES = [13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45];

/** PER_LINUX and PER_LINUX32, with and without the 2.6 of uname(2), and the question which one it is. */
const PERSONALITIES = [0, 0x8, 0x20000, 0x20008, 0xffffffff];

/** What asks for a namespace of one's own. */
const NEW_NAMESPACE =
  CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

const ADMIN = capability('cap_sys_admin');

/** What processes start others with: no new namespaces without CAP_SYS_ADMIN. */
const CLONE: readonly Rule[] = [
  allowWhere('clone', 'MASKED_EQ', 0, NEW_NAMESPACE, { ...ADMIN, arches: ['s390', 's390x'] }),
  // Its flags lie in memory, where no filter can look; told that there is no clone3, C libraries use clone.
  { names: ['clone3'], action: SECCOMP_RET_ERRNO | ENOSYS, excludes: ADMIN },
];

const ARCHITECTURE_CALLS: readonly Rule[] = [
  allow('arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls', {
    includes: { arches: ['arm', 'arm64'] },
  }),
  allow('arch_prctl', { includes: { arches: ['amd64', 'x32'] } }),
  allow('modify_ldt', { includes: { arches: ['amd64', 'x32', 'x86'] } }),
];

const ARCH_MAP = [
  { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
  { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
];

const PERSONALITY = PERSONALITIES.map((value) => allowWhere('personality', 'EQ', value));

export const DEFAULT_PROFILE: Profile = {
  defaultAction: SECCOMP_RET_ERRNO | EPERM,
  archMap: ARCH_MAP,
  rules: [
    allow(FILES + MEMORY + PROCESSES + TIME + COMMUNICATION),
    allow('process_vm_readv process_vm_writev ptrace', { includes: { minKernel: [4, 8] } }),
    allowWhere('socket', 'LT', FAMILIES_BELOW),
    ...FAMILIES.map((family) => allowWhere('socket', 'EQ', family)),
    ...PERSONALITY,
    ...ARCHITECTURE_CALLS,
    ...Object.entries(WITH_CAPABILITY).map(([name, calls]) => allow(calls, { includes: capability(name) })),
    ...CLONE,
  ],
};

/** Calls of the default profile that the strict one does not have. */
const NOT_STRICT = new Set(
  words(`
    process_vm_readv process_vm_writev ptrace process_mrelease pidfd_open pidfd_send_signal
    setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32
    setresuid setresuid32 setreuid setreuid32 setuid setuid32 capset
    chown chown32 fchown fchown32 fchownat lchown lchown32 mknod mknodat
    fremovexattr fsetxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
    fanotify_mark name_to_handle_at listmount statmount
    io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_set
    map_shadow_stack memfd_secret mlock mlock2 mlockall remap_file_pages modify_ldt
    ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
    sched_setattr sched_setparam sched_setscheduler setpriority
    ioctl socketcall sync syncfs uretprobe vmsplice
  `),
);

const AF_UNIX = 1;
const EIO = 5;

/**
 * Both type into the terminal that the program was started from: TIOCSTI, and TIOCLINUX by way of a console's selection. They
 * end as on kernels that do not have them. The kernel takes 32 bits of the argument, so no more of it may count.
 */
const TERMINAL_INPUT = [0x5412, 0x541c].map(
  (request): Rule => ({
    names: ['ioctl'],
    action: SECCOMP_RET_ERRNO | EIO,
    conditions: [{ index: 1, comparison: 'MASKED_EQ', mask: 0xffffffffn, value: BigInt(request) }],
  }),
);

/** On any descriptor: with a condition, so that the ones on the request are asked before. */
const OTHER_IOCTLS = allowWhere('ioctl', 'GE', 0);

const withoutLooser = ({ names, ...rule }: Rule): Rule => ({
  ...rule,
  names: names.filter((name) => !NOT_STRICT.has(name)),
});

/**
 * For programs that compute and use files: the default profile without what reaches other processes, changes ids and owners,
 * talks to the network, or is for few. What needs a capability is refused to everybody.
 */
export const STRICT_PROFILE: Profile = {
  defaultAction: SECCOMP_RET_ERRNO | EPERM,
  archMap: ARCH_MAP,
  rules: [
    allow(FILES + MEMORY + PROCESSES + TIME + COMMUNICATION),
    allowWhere('socket', 'EQ', AF_UNIX),
    ...PERSONALITY,
    ...ARCHITECTURE_CALLS,
    ...CLONE.map((rule) => ({ ...rule, excludes: undefined })),
  ]
    .map(withoutLooser)
    .concat(TERMINAL_INPUT, OTHER_IOCTLS),
};
