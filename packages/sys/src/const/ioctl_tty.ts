/** ioctl(2) on terminals, ioctl_tty(2). */
export const TIOCGWINSZ = 0x5413;
