/** @ts/namespaces: kinds of namespaces, id maps. */
export * from './idmap.ts';
export * from './kinds.ts';
