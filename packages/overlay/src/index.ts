/** @ts/overlay: mounts of the kernel's overlay file system: which layers, which features, what the kernel would refuse. */
export * from './check.ts';
export * from './complaints.ts';
export * from './features.ts';
export * from './lower.ts';
export * from './mount.ts';
