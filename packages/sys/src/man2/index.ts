export * from './credentials.ts';
export * from './files.ts';
export * from './mount.ts';
export * from './namespaces.ts';
export * from './process.ts';
export * from './socket.ts';
export * from './watch.ts';
export * from './xattr.ts';
