/**
 * Says that a part of a run is over. Nothing listens in a product, and the build leaves the call out; the benchmark of start-up
 * puts a clock in its place (tools/bench/startup.ts).
 */
export function phase(_name: string): void {}
