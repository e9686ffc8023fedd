/** Stands for packages/sys/src/trace.ts in a script that makes no traces: a call is known by its name. */
export const formatCall = (name: string): string => name;
export const formatResult = (result: number): string => String(result);
export const formatFlags = (_names: unknown, value: number): string => String(value);
