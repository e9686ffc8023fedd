/** @ts/mounts: option words of mount(8), the kernel's table of mounts, fstab. */
export * from './features.ts';
export * from './fstab.ts';
export * from './helpers.ts';
export * from './mountinfo.ts';
export * from './namespace.ts';
export * from './options.ts';
export * from './overlay.ts';
export * from './paths.ts';
export * from './rights.ts';
export * from './root.ts';
export * from './types.ts';
