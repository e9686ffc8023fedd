/** Changes of folders: linux/inotify.h. */
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
