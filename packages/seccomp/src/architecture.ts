/** Architectures that a filter can hold: their names in profiles, what the kernel calls them, their system calls. */
import { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64 } from '@ts/sys';
import * as tables from './numbers.ts';

export interface Architecture {
  /** As profiles name it. */
  readonly name: `SCMP_ARCH_${string}`;
  /** As `arches` of a profile's rule names it. */
  readonly short: string;
  /** AUDIT_ARCH_*; x32 shares that of x86-64. */
  readonly token: number;
  /** Of a register that the filter sees the arguments in; on 32-bit ones the upper half is not looked at. */
  readonly bits: 32 | 64;
  /** Set in each number of x32. */
  readonly offset: number;
  /** Socket and IPC calls are made through socketcall(2) and ipc(2), too. */
  readonly multiplexed?: true;
  readonly text: readonly string[];
  /** Numbers, from the first up to the second, that say nothing of a call's age; all others rise with it. */
  readonly ageless?: readonly [from: number, to: number];
}

/** The bit by which x86-64 kernels know a call as one of x32. */
export const X32_BIT = 0x40000000;

const plain = { offset: 0 } as const;

export const X86_64: Architecture = {
  ...plain,
  name: 'SCMP_ARCH_X86_64',
  short: 'amd64',
  token: AUDIT_ARCH_X86_64,
  bits: 64,
  text: [tables.X86_64, tables.COMMON, tables.MEMFD_SECRET],
};
export const X86: Architecture = {
  ...plain,
  name: 'SCMP_ARCH_X86',
  short: 'x86',
  token: AUDIT_ARCH_I386,
  bits: 32,
  multiplexed: true,
  text: [tables.X86, tables.COMMON, tables.MEMFD_SECRET],
};
export const X32: Architecture = {
  name: 'SCMP_ARCH_X32',
  short: 'x32',
  token: AUDIT_ARCH_X86_64,
  bits: 32,
  offset: X32_BIT,
  text: [tables.X86_64, tables.X32, tables.COMMON, tables.MEMFD_SECRET],
  ageless: [X32_BIT + 512, X32_BIT + 548],
};
export const AARCH64: Architecture = {
  ...plain,
  name: 'SCMP_ARCH_AARCH64',
  short: 'arm64',
  token: AUDIT_ARCH_AARCH64,
  bits: 64,
  text: [tables.AARCH64, tables.COMMON, tables.MEMFD_SECRET],
};
export const ARM: Architecture = {
  ...plain,
  name: 'SCMP_ARCH_ARM',
  short: 'arm',
  token: AUDIT_ARCH_ARM,
  bits: 32,
  text: [tables.ARM, tables.COMMON],
  ageless: [0xf0000, 0xf0100],
};

export const ARCHITECTURES: readonly Architecture[] = [X86_64, X86, X32, AARCH64, ARM];

/** Calls of x86-64 that x32 does not have. */
const NOT_X32 =
  '_sysctl create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area nfsservctl query_module set_thread_area uselib vserver';

/** Architectures that profiles may name and no kernel runs beside one of ours: no call of theirs can occur. */
const FOREIGN = new Set(
  'LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64 PPC PPC64 PPC64LE RISCV64 S390 S390X SH SHEB'
    .split(' ')
    .map((name) => `SCMP_ARCH_${name}`),
);

/** Whether a profile may name it, though there is nothing to do for it. */
export const isForeign = (name: string): boolean => FOREIGN.has(name);

export const FOREIGN_NAMES: readonly string[] = [...FOREIGN];

/** Short names of architectures in a rule's `arches`. */
export const SHORT_NAMES: readonly string[] = [
  ...ARCHITECTURES.map(({ short }) => short),
  ...'loong64 mips mips64 mips64n32 mipsel mipsel64 mipsel64n32 mips3l64n32 ppc ppc64 ppc64le riscv64 s390 s390x'.split(
    ' ',
  ),
];

/** By its name in profiles, in short (`amd64`), or as uname(1) prints it. */
export function architectureNamed(name: string): Architecture | undefined {
  const wanted = name.toUpperCase().replace(/^SCMP_ARCH_/, '');
  return ARCHITECTURES.find(
    (architecture) => architecture.name === `SCMP_ARCH_${wanted}` || architecture.short === name.toLowerCase(),
  );
}

/** The architecture whose programs this kernel runs beside those of `native`: the sub-architectures of the engine's profile. */
export const familyOf = (native: Architecture): readonly Architecture[] =>
  native === X86_64 ? [X86_64, X86, X32] : native === AARCH64 ? [AARCH64, ARM] : [native];

const words = (text: string) => text.split(/\s+/).filter(Boolean);

function readTable({ text, offset }: Architecture): Map<string, number> {
  const numbers = new Map<string, number>();
  let next = 0;
  for (const word of text.flatMap(words)) {
    // Names begin with a letter or an underscore.
    if (word <= '9~') next = Number(word);
    else numbers.set(word, offset + next++);
  }
  if (offset) for (const word of words(NOT_X32)) numbers.delete(word);
  return numbers;
}

/** Values made once an architecture, when they are asked for. */
function perArchitecture<Value>(make: (architecture: Architecture) => Value): (architecture: Architecture) => Value {
  const made = new Map<Architecture, Value>();
  return (architecture) => {
    const value = made.get(architecture) ?? make(architecture);
    made.set(architecture, value);
    return value;
  };
}

/** Its system calls by name. */
export const callsOf: (architecture: Architecture) => ReadonlyMap<string, number> = perArchitecture(readTable);

const namesOf = perArchitecture((architecture) => new Map([...callsOf(architecture)].map(([name, at]) => [at, name])));

/** Name of a system call by its number (that of x32 with its bit). */
export const callName = (architecture: Architecture, number: number): string | undefined =>
  namesOf(architecture).get(number);

/** The architecture that a call comes from; undefined where none of ours does. */
export function architectureOf(token: number, number: number): Architecture | undefined {
  const isX32 = token === AUDIT_ARCH_X86_64 && number >= X32_BIT;
  return ARCHITECTURES.find((architecture) => architecture.token === token && architecture.offset > 0 === isX32);
}

let names: Set<string> | undefined;

/** Names of all system calls that Linux has on any architecture. */
export function allCallNames(): ReadonlySet<string> {
  names ??= new Set([...ARCHITECTURES.flatMap((each) => [...callsOf(each).keys()]), ...words(tables.ELSEWHERE)]);
  return names;
}
