/** Why a call failed, for who explains it. `World`: what a probe sees of the machine. */
export interface Cause<World> {
  /** First word of the subject that a call was recorded with (`explaining('unshare user mnt')`). */
  readonly of: string;
  /** Error names. */
  readonly errors: readonly string[];
  /** The line that names cause and remedy, or undefined where this is not the cause. `words`: the rest of the subject. */
  probe(words: readonly string[], world: World): string | undefined;
}
