/** @ts/mounts: option words of mount(8), the kernel's table of mounts, fstab. */
export * from './fstab.ts';
export * from './mountinfo.ts';
export * from './options.ts';
export * from './paths.ts';
export * from './root.ts';
export * from './types.ts';
