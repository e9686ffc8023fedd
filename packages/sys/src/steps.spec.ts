import { describe, expect, test } from 'vitest';
import { errnoOf, type SysError } from './errno.ts';
import { atOnce, type Steps } from './steps.ts';
import { live } from './sys.ts';

/** What was said, and the error's name, of steps made with live calls that change nothing. */
function said(work: (steps: Steps, say: (word: string) => void) => void): string[] {
  const words: string[] = [];
  try {
    atOnce(live(), (steps) => work(steps, (word) => words.push(word)));
  } catch (error) {
    words.push((error as SysError).code);
  }
  return words;
}

const failing = (sys: Steps) => sys.chdir('/nonexistent');

describe('atOnce', () => {
  test('takes back the last first, and what belongs to a part only when that part fails', () => {
    expect(
      said((sys, say) => {
        sys.undo(() => say('first'));
        sys.undo((back) => {
          failing(back);
          say('second');
        });
        sys.undoing(
          () => say('never'),
          () => say('done'),
        );
        sys.undoing(
          () => say('part'),
          () => failing(sys),
        );
      }),
    ).toEqual(['done', 'part', 'second', 'first', 'ENOENT']);
    expect(said((sys, say) => sys.undo(() => say('never')))).toEqual([]);
  });

  test('goes on with something else when a call fails, with these errors alone where they are named', () => {
    const otherwise = (only?: number | readonly number[]) =>
      said((sys, say) =>
        sys.tryElse(
          (first) =>
            first.undoing(
              () => say('never'),
              () => failing(first),
            ),
          () => say('otherwise'),
          only,
        ),
      );
    expect(otherwise()).toEqual(['otherwise']);
    expect(otherwise(errnoOf('ENOENT'))).toEqual(['otherwise']);
    expect(otherwise([errnoOf('EPERM'), errnoOf('ENOENT')])).toEqual(['otherwise']);
    expect(otherwise(errnoOf('EPERM'))).toEqual(['never', 'ENOENT']);
    expect(
      said((sys) =>
        sys.tryElse(
          () => failing(sys),
          () => failing(sys),
        ),
      ),
    ).toEqual(['ENOENT']);
  });

  test('compares results; the calls keep what was said of their failure', () => {
    expect(
      said((sys, say) => {
        sys.when(1, 'equal', 1, () => say('equal'));
        sys.when(1, 'notEqual', 1, () => say('not equal'));
        sys.when(-2, 'less', 0, () => say('less'));
      }),
    ).toEqual(['equal', 'less']);
    expect(() => atOnce(live(), (sys) => failing(sys.or('no way')))).toThrow(
      expect.objectContaining({ context: 'no way' }),
    );
    expect(() =>
      atOnce(live(), () => {
        throw new TypeError('another');
      }),
    ).toThrow(TypeError);
  });
});
