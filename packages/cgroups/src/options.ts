/** Rows of option tables that several tools have. Plain data: this package knows no command line. */

/** Of libcgroup built with systemd. */
export const IGNORE_DEFAULT = {
  long: 'ignore-default',
  short: 'b',
  shortOnly: true,
  help: 'ignore default systemd delegate hierarchy',
  details: 'Accepted and without effect: groups are always named from the top of their hierarchy.',
  ignored: true,
} as const;

/** Of cgxget and cgxset. */
export const VERSIONS = [
  {
    long: 'v1',
    short: '1',
    help: 'names and values are those of cgroup v1',
    details: 'A name that cgroup v2 alone has is an error.',
  },
  {
    long: 'v2',
    short: '2',
    help: 'names and values are those of cgroup v2',
    details: 'A name that cgroup v1 alone has is an error.',
  },
  {
    long: 'ignore-unmappable',
    short: 'i',
    help: 'leave out parameters that the version in use has nothing for',
    details: 'A name that is one of neither version stays an error.',
  },
] as const;

/** Which version names are taken from, if that was said, and whether those that have no counterpart are left out. */
export interface Naming {
  readonly version?: 1 | 2;
  readonly lenient: boolean;
}

export const namingOf = (values: {
  readonly v1?: boolean;
  readonly v2?: boolean;
  readonly 'ignore-unmappable'?: boolean;
}): Naming => ({ version: values.v1 ? 1 : values.v2 ? 2 : undefined, lenient: Boolean(values['ignore-unmappable']) });

/** Of libcgroup built with systemd, where processes are moved. */
export const REPLACE_IDLE = {
  long: 'replace-idle',
  short: 'r',
  shortOnly: true,
  help: 'end the idle process of a systemd scope when there is another one in it',
  details:
    'The process that keeps a delegated scope alive until then: libcgroup calls it libcgroup_systemd_idle_thread.',
} as const;
