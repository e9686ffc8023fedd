/** Rows of option tables that several tools have. Plain data: this package knows no command line. */

/** Of libcgroup built with systemd. */
export const IGNORE_DEFAULT = {
  long: 'ignore-default',
  short: 'b',
  shortOnly: true,
  help: 'ignore default systemd delegate hierarchy',
  details: 'Accepted and without effect: groups are always named from the top of their hierarchy.',
} as const;
