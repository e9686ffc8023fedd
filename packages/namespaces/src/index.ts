/** @ts/namespaces: kinds of namespaces, id maps, which namespaces there are. */
export * from './idmap.ts';
export * from './idmapped.ts';
export * from './idmapping.ts';
export * from './kinds.ts';
export * from './nsfs.ts';
export * from './nsid.ts';
export * from './reader.ts';
export * from './refusals.ts';
export * from './survey.ts';
