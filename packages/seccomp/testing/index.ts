/** @ts/seccomp/testing: programs run without the kernel, and libseccomp as an oracle. */
export * from './interpret.ts';
export * from './libseccomp.ts';
