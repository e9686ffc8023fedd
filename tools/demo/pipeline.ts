/** Recipe A1: a whole container as one pipeline of the shell. */

export interface Parts {
  /** With the limits of a control group. */
  readonly groups: boolean;
  /** With the terminal that it is started at. */
  readonly terminal: boolean;
  /** /bin/hostname, or ours where the host has none. */
  readonly hostname: string;
  /** The host has no bash, which capsh starts by itself. */
  readonly shell?: string;
}

export const pipeline = ({
  groups,
  terminal,
  hostname,
  shell,
}: Parts): string => `${groups ? 'cgexec -g cpu,memory:$ID ' : ''}unshare -muinpfr /bin/sh -c "
  mount -t proc proc $ROOTFS/proc &&${
    terminal
      ? `
  touch $ROOTFS$(tty); mount --bind $(tty) $ROOTFS$(tty) &&
  touch $ROOTFS/dev/pts/ptmx; mount --bind /dev/pts/ptmx $ROOTFS/dev/pts/ptmx &&
  ln -sf /dev/pts/ptmx $ROOTFS/dev/ptmx &&`
      : ''
  }
  touch $ROOTFS/dev/null && mount --bind /dev/null $ROOTFS/dev/null &&
  ${hostname} $ID &&
  exec capsh --chroot=$ROOTFS --drop=cap_sys_chroot${shell === undefined ? '' : ` --shell=${shell}`} -- -c 'exec $CMD'"`;
