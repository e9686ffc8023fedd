/** Names of the host: what is one, and what /etc/hosts knows of it. */

/** Letters, digits, hyphens and dots; every part between dots begins and ends with a letter or digit. */
export function isHostName(name: string): boolean {
  return name.split('.').every((part) => /^[a-z\d]([a-z\d-]*[a-z\d])?$/i.test(part));
}

/** First line that is neither empty nor a comment, up to a NUL. */
export function nameInFile(text: string): string {
  const lines = text.split('\n').map((line) => (line.split('\0')[0] as string).trim());
  return lines.find((line) => line && !line.startsWith('#')) ?? '';
}

export interface HostEntry {
  readonly addresses: readonly string[];
  /** The first name is the long one. */
  readonly names: readonly string[];
}

/** The words of each line of a hosts(5) file: an address and its names. */
const linesOf = (hosts: string): string[][] =>
  hosts.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));

/** The long name that a hosts(5) file gives an address. */
export const nameOfAddress = (hosts: string, address: string): string | undefined =>
  linesOf(hosts).find(([first, name]) => first?.toLowerCase() === address && name !== undefined)?.[1];

/** What a hosts(5) file knows of a name. */
export function hostEntry(hosts: string, name: string): HostEntry | undefined {
  const found = linesOf(hosts).filter(([, ...names]) =>
    names.some((each) => each.toLowerCase() === name.toLowerCase()),
  );
  const [first] = found;
  return first && { addresses: found.map(([address]) => address as string), names: first.slice(1) };
}

/** Addresses of all interfaces but the loopback one, without link-local ones. */
export function hostAddresses(): string[] {
  const all = Object.values(process.getBuiltinModule('node:os').networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  return [...all.filter(({ family }) => family === 'IPv4'), ...all.filter(({ family }) => family === 'IPv6')].map(
    ({ address }) => address,
  );
}
