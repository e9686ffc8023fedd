/** How `flush` deletes: all that is found, in rounds, until nothing is left. */
import { Failure, SysError } from '@ts/sys';
import type { Context } from '../context.ts';
import type { Entry } from '../entry.ts';
import { FAILED } from '../words.ts';

interface Flush<T> {
  /** What it is called in the plural. */
  readonly noun: string;
  /** Rounds at most; 0 for no limit. */
  readonly rounds: number;
  find(): readonly T[];
  show(each: T): Entry;
  remove(each: T): void;
  /** Errno by name of one that has gone meanwhile, with another one perhaps. */
  readonly gone: string;
}

/** With -statistics it tells of each round, with it twice of each that is deleted. */
export function flushAll<T>(context: Context, { noun, rounds, find, show, remove, gone }: Flush<T>): void {
  const { statistics } = context.settings;
  const tell = (text: string) => {
    if (statistics) context.print(text);
  };
  for (let round = 0; ; round++) {
    const found = find();
    if (!found.length) {
      tell(round ? `*** Flush is complete after ${round} round${round > 1 ? 's' : ''} ***\n` : 'Nothing to flush.\n');
      return;
    }
    if (rounds && round === rounds)
      throw new Failure(`*** Flush remains incomplete after ${rounds} rounds. ***`, FAILED);
    for (const each of found) {
      if (statistics > 1) context.print(show(each).text);
      try {
        remove(each);
      } catch (error) {
        if (!(error instanceof SysError) || error.code !== gone) throw error;
      }
    }
    tell(`\n*** Round ${round + 1}, deleting ${found.length} ${noun} ***\n`);
  }
}
