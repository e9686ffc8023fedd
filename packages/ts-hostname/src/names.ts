/** Names of the host: what is one, and what /etc/hosts knows of it. */

/** Letters, digits, hyphens and dots; every part between dots begins and ends with a letter or digit. */
export function isHostName(name: string): boolean {
  return name.split('.').every((part) => /^[a-z\d]([a-z\d-]*[a-z\d])?$/i.test(part));
}

/** First line that is neither empty nor a comment. */
export function nameInFile(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.find((line) => line && !line.startsWith('#')) ?? '';
}

export interface HostEntry {
  readonly addresses: readonly string[];
  /** The first name is the long one. */
  readonly names: readonly string[];
}

/** What a hosts(5) file knows of a name. */
export function hostEntry(hosts: string, name: string): HostEntry | undefined {
  const lines = hosts.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  const found = lines.filter(([, ...names]) => names.some((each) => each.toLowerCase() === name.toLowerCase()));
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
