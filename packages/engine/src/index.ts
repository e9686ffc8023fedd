/**
 * What the tools need of Node's globals and modules where there is no Node, but an engine and its host (host.ts). Importing this puts
 * the globals in place; the modules are files of this package, under the name they have in Node.
 */
import './globals.ts';

export { type Host, host, type Numbers, type Otherwise } from './host.ts';
export { native } from './native.ts';
export { process, provide, started } from './process.ts';
export { hear } from './signals.ts';
