/** `#phase` for the benchmark of start-up (condition `phases`): a global function `phase`, where there is one, is told. */
export function phase(name: string): void {
  (globalThis as { phase?: (name: string) => void }).phase?.(name);
}
