/** @ts/rootfs: a root file system out of the host's own programs. */
export * from './elf.ts';
export * from './folders.ts';
export * from './libraries.ts';
export * from './programs.ts';
export * from './tree.ts';
export * from './write.ts';
