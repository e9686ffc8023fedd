/** @ts/images: container images in local files and folders, read, checked, unpacked and made. */
export * from './describe.ts';
export * from './files.ts';
export * from './image.ts';
export * from './layout.ts';
export * from './pack.ts';
export * from './sources.ts';
export * from './unpack.ts';
