/** @ts/seccomp: profiles of container engines, resolved, evaluated, and compiled to filters of classic BPF. */
export * from './action.ts';
export * from './architecture.ts';
export * from './compile.ts';
export { DEFAULT_PROFILE, STRICT_PROFILE } from './default.ts';
export * from './describe.ts';
export * from './format.ts';
export * from './json.ts';
export * from './policy.ts';
export * from './profile.ts';
export * from './program.ts';
export * from './resolve.ts';
export * from './short.ts';
