/** `#trace` in a script that makes no traces (condition `no-traces`): a call is known by its name. */
export const formatCall = (name: string): string => name;
export const formatResult = (result: number): string => String(result);
export const formatFlags = (_names: Readonly<Record<string, number>>, value: number): string => String(value);
