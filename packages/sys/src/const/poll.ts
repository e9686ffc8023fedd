/** poll.h */

/** struct pollfd. */
export const POLLFD = { fd: 's32', events: 'u16', revents: 'u16' } as const;

export const POLLIN = 1;
