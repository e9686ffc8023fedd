/** @ts/layers: layers of overlay mounts, as folders and as archives of container images. */
export * from './apply.ts';
export * from './compression.ts';
export { bytesOf, closing, writeBytes } from './contents.ts';
export * from './diff.ts';
export * from './errors.ts';
export * from './export.ts';
export { addOmitted, formatEntry, formatOmitted, nothingOmitted, type Omitted } from './folder.ts';
export * from './marks.ts';
export * from './replacement.ts';
export * from './stack.ts';
export * from './streams.ts';
export { type Content, type Entry, type EntryType, type Extent, type Written, writeTar } from './tar.ts';
export * from './untar.ts';
