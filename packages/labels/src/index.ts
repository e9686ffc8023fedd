/** @ts/labels: labels of mandatory access control, SELinux and AppArmor. */
export * from './exec.ts';
export * from './tree.ts';
