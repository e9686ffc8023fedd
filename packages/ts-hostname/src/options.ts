import { HELP_OPTIONS, type Option } from '@ts/cli';

export const options = [
  { long: 'alias', short: 'a', help: 'print the alias names of the host' },
  { long: 'all-fqdns', short: 'A', help: 'print the long names of all addresses of the host' },
  { long: 'boot', short: 'b', help: 'set a default name if there is none yet; a missing file is no error' },
  { long: 'domain', short: 'd', help: 'print the DNS domain name' },
  { long: 'fqdn', short: 'f', help: 'print the long name of the host (FQDN)' },
  { long: 'long', help: 'the same as --fqdn' },
  { long: 'file', short: 'F', arg: 'file', help: 'read the name from the first line of a file that is no comment' },
  { long: 'ip-address', short: 'i', help: 'print the addresses of the host name' },
  { long: 'all-ip-addresses', short: 'I', help: 'print all addresses of the host' },
  { long: 'short', short: 's', help: 'print the name up to its first dot' },
  { long: 'yp', short: 'y', help: 'print or set the NIS domain name' },
  { long: 'nis', help: 'the same as --yp' },
  ...HELP_OPTIONS,
] as const satisfies readonly Option[];
