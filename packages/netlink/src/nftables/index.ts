/** Tables, chains and rules of the kernel's packet filter: nft(8). */
export * from './expression.ts';
export { transaction } from './message.ts';
export * from './rule.ts';
export * from './table.ts';
