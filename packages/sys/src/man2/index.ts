export * from './credentials.ts';
export * from './files.ts';
export * from './mount.ts';
export * from './namespaces.ts';
export * from './process.ts';
export * from './seccomp.ts';
export * from './statmount.ts';
export * from './xattr.ts';
