/** Puts in place what tools and libraries take from a runtime. To be imported before all else. */
import './mends.ts';
import { AbortController, AbortSignal } from './abort.ts';
import { Buffer } from './buffer.ts';
import { console } from './console.ts';
import { process } from './process.ts';
import { setImmediate } from './timers.ts';

const globals = {
  AbortController,
  AbortSignal,
  Buffer,
  console,
  process,
  queueMicrotask: (act: () => void) => process.nextTick(act),
  setImmediate: (act: (...operands: unknown[]) => void, ...operands: unknown[]): void => {
    setImmediate().then(() => act(...operands));
  },
};

// What `using` looks for.
if (!Object.hasOwn(Symbol, 'dispose')) Object.defineProperty(Symbol, 'dispose', { value: Symbol('Symbol.dispose') });

for (const [name, value] of Object.entries(globals))
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
