/** What profiles mean: conditions on the circumstances, several rules of a call, other architectures. */
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRAP,
} from '@ts/sys';
import { describe, expect, test } from 'vitest';
import {
  AARCH64,
  ARM,
  allCallNames,
  type Circumstances,
  type Comparison,
  callsOf,
  DEFAULT_PROFILE,
  dated,
  evaluate,
  familyOf,
  lets,
  type Policy,
  type Profile,
  type Rule,
  resolveProfile,
  STRICT_PROFILE,
  X32,
  X32_BIT,
  X86,
  X86_64,
} from './index.ts';

const CONTAINER = 0xa80425fbn;
const here: Circumstances = { native: X86_64, capabilities: CONTAINER, kernel: [6, 1] };
const ALLOW = SECCOMP_RET_ALLOW;
const [EPERM, EACCES, ENOSYS] = [1, 13, 38].map((errno) => SECCOMP_RET_ERRNO | errno) as [number, number, number];

const on = (policy: Policy, name: string, args: readonly bigint[] = [], architecture = X86_64) =>
  evaluate(policy, {
    number: callsOf(architecture).get(name) ?? expect.fail(`no ${name} on ${architecture.short}`),
    token: architecture.token,
    args,
  });

const profile = (rules: readonly Rule[], defaultAction = EPERM): Profile => ({ defaultAction, rules });
const allow = (name: string, more: Partial<Rule> = {}): Rule => ({ names: [name], action: ALLOW, ...more });
const where = (index: number, comparison: Comparison, value: number) => ({ index, comparison, value: BigInt(value) });

describe('what is newer than a profile', () => {
  const at = (policy: Policy, number: number, { token } = X86_64) => evaluate(policy, { number, token, args: [] });
  const old = (names: readonly string[], more: Partial<Profile> = {}) =>
    resolveProfile(dated({ ...profile(names.map((name) => allow(name))), ...more }), here);

  test('does not exist, on each architecture by its own numbers', () => {
    const policy = old(['statx', 'read'], { architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] });
    expect([331, 332, 333, 435, 600].map((number) => at(policy, number))).toEqual([
      EPERM,
      ALLOW,
      ENOSYS,
      ENOSYS,
      ENOSYS,
    ]);
    expect([382, 383, 384, 435].map((number) => at(policy, number, X86))).toEqual([EPERM, ALLOW, ENOSYS, ENOSYS]);
    // ptrace and execveat of x32 are older than their numbers look.
    expect([331, 332, 435, 521, 545, 548].map((number) => at(policy, X32_BIT + number))).toEqual([
      EPERM,
      ALLOW,
      ENOSYS,
      EPERM,
      EPERM,
      ENOSYS,
    ]);
  });
  test('the private calls of ARM make no profile new', () => {
    const policy = resolveProfile(dated(profile([allow('read'), allow('statx'), allow('set_tls')])), {
      ...here,
      native: ARM,
    });
    expect(['read', 'mount', 'clone3', 'cacheflush', 'set_tls'].map((name) => on(policy, name, [], ARM))).toEqual([
      ALLOW,
      EPERM,
      ENOSYS,
      EPERM,
      ALLOW,
    ]);
  });
  test('a rule that does not count here is known all the same', () => {
    const rules = [allow('read'), allow('clone3', { includes: { caps: [21] } })];
    expect(on(resolveProfile(dated(profile(rules)), here), 'clone3')).toBe(EPERM);
  });
  test('nothing else than an error becomes one', () => {
    for (const action of [ALLOW, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_LOG, SECCOMP_RET_TRAP])
      expect(at(old(['statx'], { defaultAction: action, rules: [{ names: ['statx'], action: EACCES }] }), 435)).toBe(
        action,
      );
    expect(at(old([]), 435)).toBe(EPERM);
    expect(at(resolveProfile(profile([allow('statx')]), here), 435)).toBe(EPERM);
  });
  test('the built-in profiles know all but the newest', () => {
    for (const each of [DEFAULT_PROFILE, STRICT_PROFILE]) {
      const policy = resolveProfile(dated(each), here);
      expect([on(policy, 'mount'), on(policy, 'io_uring_setup'), at(policy, 600)]).toEqual([EPERM, EPERM, ENOSYS]);
    }
  });
});

test('x32 has a shadow stack', () => {
  expect(callsOf(X32).get('map_shadow_stack')).toBe(X32_BIT + 453);
});

describe('circumstances', () => {
  const counts = (rule: Partial<Rule>, circumstances: Partial<Circumstances> = {}) =>
    on(resolveProfile(profile([allow('read', rule)]), { ...here, ...circumstances }), 'read') === ALLOW;

  test('capabilities: all that are included, none that is excluded', () => {
    expect(counts({ includes: { caps: [0] } })).toBe(true);
    expect(counts({ includes: { caps: [0, 21] } })).toBe(false);
    expect(counts({ excludes: { caps: [21, 22] } })).toBe(true);
    expect(counts({ excludes: { caps: [21, 0] } })).toBe(false);
    expect(counts({ includes: { caps: [21] } }, { capabilities: 1n << 21n })).toBe(true);
  });
  test('architectures: the machine’s own', () => {
    expect(counts({ includes: { arches: ['amd64', 'x32'] } })).toBe(true);
    expect(counts({ includes: { arches: ['arm64', 'x86'] } })).toBe(false);
    expect(counts({ excludes: { arches: ['amd64'] } })).toBe(false);
    expect(counts({ excludes: { arches: ['s390'] } })).toBe(true);
  });
  test('kernels: by number, not by text', () => {
    expect(counts({ includes: { minKernel: [4, 8] } })).toBe(true);
    expect(counts({ includes: { minKernel: [6, 2] } })).toBe(false);
    expect(counts({ includes: { minKernel: [4, 19] } }, { kernel: [4, 8] })).toBe(false);
    expect(counts({ excludes: { minKernel: [4, 8] } })).toBe(false);
  });
});

describe('architectures', () => {
  const named = (more: Partial<Profile>, native = X86_64) =>
    resolveProfile({ ...profile([]), ...more }, { ...here, native }).architectures.map(({ short }) => short);

  test('the machine’s own where none is named, and in any case', () => {
    expect(named({})).toEqual(['amd64']);
    expect(named({ architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_S390X'] })).toEqual(['amd64', 'x86']);
  });
  test('the row of the map that is the machine’s', () => {
    expect(named({ archMap: DEFAULT_PROFILE.archMap })).toEqual(['amd64', 'x86', 'x32']);
    expect(named({ archMap: DEFAULT_PROFILE.archMap }, AARCH64)).toEqual(['arm64', 'arm']);
  });
  test('calls of others kill, and so do those of x32 where it is not named', () => {
    const policy = resolveProfile(profile([], ALLOW), here);
    expect(on(policy, 'read', [], X86)).toBe(SECCOMP_RET_KILL_PROCESS);
    expect(on(policy, 'read', [], X32)).toBe(SECCOMP_RET_KILL_PROCESS);
    expect(on(policy, 'read')).toBe(ALLOW);
  });
  test('each has its own numbers', () => {
    const policy = resolveProfile({ ...profile([allow('read')]), archMap: DEFAULT_PROFILE.archMap }, here);
    for (const architecture of familyOf(X86_64)) {
      expect(on(policy, 'read', [], architecture)).toBe(ALLOW);
      expect(on(policy, 'write', [], architecture)).toBe(EPERM);
    }
  });
});

describe('several rules for one call', () => {
  const decided = (rules: readonly Rule[], ...args: number[]) =>
    on(resolveProfile(profile(rules, ALLOW), here), 'read', args.map(BigInt));
  const refuse = (action: number, ...conditions: Rule['conditions'] & {}): Rule => ({
    names: ['read'],
    action,
    conditions,
  });

  test('conditions on different arguments must all hold', () => {
    const rules = [refuse(EACCES, where(0, 'EQ', 1), where(1, 'EQ', 2))];
    expect([decided(rules, 1, 2), decided(rules, 1, 3), decided(rules, 0, 2)]).toEqual([EACCES, ALLOW, ALLOW]);
  });
  test('conditions on one argument stand for themselves', () => {
    const rules = [refuse(EACCES, where(0, 'EQ', 1), where(0, 'EQ', 5))];
    expect([1, 5, 3].map((value) => decided(rules, value))).toEqual([EACCES, EACCES, ALLOW]);
  });
  test('one rule or the other', () => {
    const rules = [refuse(EACCES, where(0, 'LT', 3)), refuse(EACCES, where(0, 'GT', 5))];
    expect([2, 4, 6].map((value) => decided(rules, value))).toEqual([EACCES, ALLOW, EACCES]);
  });
  test('without conditions comes first, wherever it stands', () => {
    const conditional = refuse(ENOSYS, where(0, 'EQ', 1));
    expect(decided([conditional, refuse(EACCES)], 1)).toBe(EACCES);
    expect(decided([refuse(EACCES), conditional], 1)).toBe(EACCES);
    expect(decided([refuse(EACCES), refuse(ENOSYS)], 1)).toBe(EACCES);
  });
  test('a value before a range, the narrower range before the wider', () => {
    for (const order of [0, 1]) {
      const both = (a: Rule, b: Rule) => (order ? [b, a] : [a, b]);
      expect(decided(both(refuse(EACCES, where(0, 'EQ', 1)), refuse(ENOSYS, where(0, 'LT', 5))), 1)).toBe(EACCES);
      expect(decided(both(refuse(EACCES, where(0, 'LT', 3)), refuse(ENOSYS, where(0, 'LT', 5))), 1)).toBe(EACCES);
      expect(decided(both(refuse(EACCES, where(0, 'GT', 5)), refuse(ENOSYS, where(0, 'GT', 3))), 6)).toBe(EACCES);
    }
  });
  test('a rule that does what is done anyway is none', () => {
    expect(on(resolveProfile(profile([allow('read'), { names: ['read'], action: EPERM }]), here), 'read')).toBe(ALLOW);
  });
  test('a mask of which no bit counts is no condition', () => {
    const always = { index: 0, comparison: 'MASKED_EQ', value: 7n, mask: 0n } as const;
    expect(decided([refuse(EACCES, where(0, 'EQ', 1)), refuse(ENOSYS, always)], 1)).toBe(ENOSYS);
  });
});

describe('socketcall and ipc of 32-bit x86', () => {
  const policy = resolveProfile(
    { defaultAction: ALLOW, architectures: ['SCMP_ARCH_X86'], rules: [{ names: ['socket', 'semop'], action: EACCES }] },
    here,
  );
  test('refused by themselves, refused through these', () => {
    expect(on(policy, 'socket', [], X86)).toBe(EACCES);
    expect(on(policy, 'socketcall', [1n], X86)).toBe(EACCES);
    expect(on(policy, 'socketcall', [2n], X86)).toBe(ALLOW);
    expect(on(policy, 'ipc', [1n], X86)).toBe(EACCES);
    expect(on(policy, 'ipc', [0x10001n], X86)).toBe(EACCES);
    expect(on(policy, 'ipc', [2n], X86)).toBe(ALLOW);
  });
});

describe('conditions on what cannot be looked at', () => {
  const only = (action: number, defaultAction: number) =>
    resolveProfile(
      {
        defaultAction,
        architectures: ['SCMP_ARCH_X86'],
        rules: [{ names: ['socket'], action, conditions: [where(0, 'EQ', 1)] }],
      },
      here,
    );
  test('do not allow', () => {
    expect(on(only(ALLOW, EPERM), 'socket', [1n], X86)).toBe(ALLOW);
    expect(on(only(ALLOW, EPERM), 'socketcall', [1n], X86)).toBe(EPERM);
  });
  test('refuse', () => {
    expect(on(only(EACCES, ALLOW), 'socket', [2n], X86)).toBe(ALLOW);
    expect(on(only(EACCES, ALLOW), 'socketcall', [1n], X86)).toBe(EACCES);
    expect(on(only(EACCES, ALLOW), 'socketcall', [2n], X86)).toBe(ALLOW);
  });
});

describe('the default profile', () => {
  const policy = resolveProfile(DEFAULT_PROFILE, here);
  const refused = (native = X86_64, of = policy) =>
    [...callsOf(native).keys()].filter((name) => ![0n, 2n].some((value) => lets(on(of, name, [value], native))));

  test('names only system calls that exist', () => {
    for (const { names } of [...DEFAULT_PROFILE.rules, ...STRICT_PROFILE.rules])
      for (const name of names) expect(allCallNames()).toContain(name);
  });
  test('refuses what containers must not do', () => {
    expect(refused()).toEqual(
      expect.arrayContaining(
        `acct add_key bpf clock_adjtime clock_settime clone3 create_module delete_module finit_module get_kernel_syms
        get_mempolicy init_module io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount
        move_pages nfsservctl open_by_handle_at perf_event_open pivot_root query_module quotactl reboot request_key
        set_mempolicy setns settimeofday swapoff swapon sysfs umount2 unshare uselib userfaultfd ustat`.split(/\s+/),
      ),
    );
    expect(on(policy, 'vm86', [], X86)).toBe(EPERM);
    expect(on(policy, 'stime', [], X86)).toBe(EPERM);
  });
  test('roughly 44 of more than 300, beside what no kernel has any more and what is newer', () => {
    const gone = 'afs_syscall getpmsg putpmsg security tuxcall vserver'.split(' ');
    const old = refused().filter((name) => (callsOf(X86_64).get(name) ?? 0) < 335 && !gone.includes(name));
    expect(old.length).toBeGreaterThanOrEqual(44);
    expect(old.length).toBeLessThan(56);
    expect(callsOf(X86_64).size).toBeGreaterThan(300);
  });
  test('asks for arguments', () => {
    const flags = (value: number) => [BigInt(value)];
    expect(on(policy, 'clone', flags(0x11))).toBe(ALLOW);
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000])
      expect(on(policy, 'clone', flags(flag | 0x11))).toBe(EPERM);
    expect(on(policy, 'clone3')).toBe(ENOSYS);
    for (const persona of [0, 8, 0x20000, 0x20008, 0xffffffff])
      expect(on(policy, 'personality', flags(persona))).toBe(ALLOW);
    for (const persona of [1, 4, 0x40000]) expect(on(policy, 'personality', flags(persona))).toBe(EPERM);
    for (const family of [1, 2, 10, 16, 17]) expect(on(policy, 'socket', flags(family))).toBe(ALLOW);
    for (const family of [12, 20, 38, 40, 46]) expect(on(policy, 'socket', flags(family))).toBe(EPERM);
  });
  test('has more for who keeps capabilities', () => {
    const all = resolveProfile(DEFAULT_PROFILE, { ...here, capabilities: (1n << 41n) - 1n });
    for (const name of ['mount', 'clone3', 'reboot', 'clock_settime', 'bpf', 'ptrace', 'acct'])
      expect(on(all, name)).toBe(ALLOW);
    expect(on(all, 'clone', [0x10000000n])).toBe(ALLOW);
    expect(on(policy, 'chroot')).toBe(ALLOW);
    expect(on(resolveProfile(DEFAULT_PROFILE, { ...here, capabilities: 0n }), 'chroot')).toBe(EPERM);
  });
  test('ptrace needs a kernel that does not let it around a filter', () => {
    expect(on(resolveProfile(DEFAULT_PROFILE, { ...here, kernel: [4, 7] }), 'ptrace')).toBe(EPERM);
    expect(on(policy, 'ptrace')).toBe(ALLOW);
  });
  test('arm64', () => {
    const arm = resolveProfile(DEFAULT_PROFILE, { ...here, native: AARCH64 });
    expect(refused(AARCH64, arm)).toEqual(expect.arrayContaining(['mount', 'reboot', 'kexec_load', 'bpf', 'clone3']));
    expect(on(arm, 'openat', [], AARCH64)).toBe(ALLOW);
  });
});

describe('the strict profile', () => {
  const policy = resolveProfile(STRICT_PROFILE, here);
  test('allows nothing that the default one refuses', () => {
    const wide = resolveProfile(DEFAULT_PROFILE, { ...here, capabilities: 0n });
    for (const architecture of policy.architectures)
      for (const name of callsOf(architecture).keys())
        for (const value of [0n, 1n, 2n, 0x10000000n])
          if (lets(on(policy, name, [value], architecture)))
            expect([name, lets(on(wide, name, [value], architecture))]).toEqual([name, true]);
  });
  test('no other processes, no network, no new ids, no typing into terminals', () => {
    for (const name of ['ptrace', 'setuid', 'chown', 'mknod', 'chroot', 'shmget']) expect(on(policy, name)).toBe(EPERM);
    expect([1n, 2n, 10n, 16n].map((family) => lets(on(policy, 'socket', [family])))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    const EIO = SECCOMP_RET_ERRNO | 5;
    expect(on(policy, 'ioctl', [0n, 0x5412n])).toBe(EIO);
    expect(on(policy, 'ioctl', [0n, 0x100005412n])).toBe(EIO);
    expect(on(policy, 'ioctl', [0n, 0x5413n])).toBe(ALLOW);
    expect(on(policy, 'ioctl', [(1n << 64n) - 1n, 0x5401n])).toBe(ALLOW);
  });
});
