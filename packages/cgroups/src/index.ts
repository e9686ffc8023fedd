/** @ts/cgroups: one model of control groups, v1 and v2. */
export * from './causes.ts';
export * from './copy.ts';
export * from './create.ts';
export * from './devices.ts';
export * from './errors.ts';
export * from './hierarchies.ts';
export * from './limits.ts';
export * from './options.ts';
export * from './programs.ts';
export * from './remove.ts';
export * from './settings.ts';
export * from './spec.ts';
export * from './steps.ts';
export * from './table.ts';
export * from './tree.ts';
