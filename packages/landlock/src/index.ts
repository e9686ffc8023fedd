/** @ts/landlock: restrictions that any process can put itself under; landlock(7). */
export * from './request.ts';
export * from './restrict.ts';
export * from './rights.ts';
