/** Where the loader looks for libraries: ld.so(8), ld.so.conf. */

/** What the search needs of the host; tests replace it. */
export interface Host {
  /** Text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** Paths that a pattern with `*` in its last part stands for, sorted. */
  glob(pattern: string): string[];
}

/** Names of multiarch folders, by ELF machine and width. */
const MULTIARCH: Readonly<Record<string, string>> = {
  '62/64': 'x86_64-linux-gnu',
  '62/32': 'x86_64-linux-gnux32',
  '3/32': 'i386-linux-gnu',
  '183/64': 'aarch64-linux-gnu',
  '40/32': 'arm-linux-gnueabihf',
  '243/64': 'riscv64-linux-gnu',
  '21/64': 'powerpc64le-linux-gnu',
  '258/64': 'loongarch64-linux-gnu',
};

const MUSL_ARCH: Readonly<Record<string, string>> = {
  '62/64': 'x86_64',
  '3/32': 'i386',
  '183/64': 'aarch64',
  '40/32': 'armhf',
  '243/64': 'riscv64',
};

/** Folders that the loader knows without being told. */
export function defaultFolders(machine: number, bits: 32 | 64): string[] {
  const triplet = MULTIARCH[`${machine}/${bits}`];
  const multiarch = triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`];
  return [...multiarch, ...(bits === 64 ? ['/lib64', '/usr/lib64'] : ['/lib32', '/usr/lib32']), '/lib', '/usr/lib'];
}

/** Folders of a configuration file of the loader and of those that it includes. */
export function configuredFolders(host: Host, path = '/etc/ld.so.conf', seen: Set<string> = new Set()): string[] {
  if (seen.has(path)) return [];
  seen.add(path);
  return (host.read(path) ?? '').split('\n').flatMap((line) => {
    const text = line.replace(/#.*/, '').trim();
    const [, pattern] = /^include\s+(\S+)/.exec(text) ?? [];
    if (pattern !== undefined) {
      const absolute = pattern.startsWith('/') ? pattern : `${path.slice(0, path.lastIndexOf('/'))}/${pattern}`;
      return host.glob(absolute).flatMap((file) => configuredFolders(host, file, seen));
    }
    return text
      .split(/[\s,:]+/)
      .filter((folder) => folder.startsWith('/'))
      .map((folder) => folder.replace(/=.*/, ''));
  });
}

/** Folders of musl's loader: a list of its own, or what it knows. */
export function muslFolders(host: Host, machine: number, bits: 32 | 64): string[] {
  const text = host.read(`/etc/ld-musl-${MUSL_ARCH[`${machine}/${bits}`]}.path`);
  return text?.split(/[\n:]/).filter(Boolean) ?? ['/lib', '/usr/local/lib', '/usr/lib'];
}

/** A folder of DT_RPATH or DT_RUNPATH with what the loader puts in: $ORIGIN, $LIB, $PLATFORM. */
export function expand(folder: string, origin: string, machine: number, bits: 32 | 64): string {
  const values: Record<string, string> = {
    ORIGIN: origin,
    LIB:
      MULTIARCH[`${machine}/${bits}`] === undefined
        ? bits === 64
          ? 'lib64'
          : 'lib'
        : `lib/${MULTIARCH[`${machine}/${bits}`]}`,
    PLATFORM: MUSL_ARCH[`${machine}/${bits}`] ?? '',
  };
  return folder.replace(
    /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?!\w))/g,
    (_, braced: string | undefined, plain: string | undefined) => values[braced ?? plain ?? ''] as string,
  );
}
