/**
 * `#phase`: says that a part of a run is over. Nothing listens in a product, and the build leaves the call out; the benchmark of
 * start-up takes ./phase-clock.ts in its place.
 */
export function phase(_name: string): void {}
