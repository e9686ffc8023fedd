/** @ts/block: what block devices and images hold, how they are named, loop devices. */
export * from './devices.ts';
export type { Usage } from './formats/format.ts';
export * from './loop.ts';
export * from './partitions.ts';
export * from './probe.ts';
export * from './source.ts';
export * from './tags.ts';
export * from './text.ts';
