/** Rows of option tables that several tools have. Plain data: this package knows no command line. */

/** Of libcgroup built with systemd. */
export const IGNORE_DEFAULT = {
  long: 'ignore-default',
  short: 'b',
  shortOnly: true,
  help: 'ignore default systemd delegate hierarchy',
  details: 'Accepted and without effect: groups are always named from the top of their hierarchy.',
} as const;

/** Of libcgroup built with systemd, where processes are moved. */
export const REPLACE_IDLE = {
  long: 'replace-idle',
  short: 'r',
  shortOnly: true,
  help: 'end the idle process of a systemd scope when there is another one in it',
  details:
    'The process that keeps a delegated scope alive until then: libcgroup calls it libcgroup_systemd_idle_thread.',
} as const;
