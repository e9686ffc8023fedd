import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errnoOf, isLive, live, type Steps, type SysError, together } from '../src/index.ts';
import { play, workFolder } from './play.ts';

/** The calls of a trace that name a file of the folder, without their results. */
const callsOf = (lines: readonly string[], folder: string): string[] =>
  lines.filter((line) => line.includes(folder)).map((line) => line.replace(/^(?:prog: )?(.*?\)) *=.*$/, '$1'));

/** The same work at once and on a tape: its calls, what is said of a failure, and what it leaves. */
function bothWays(work: (sys: Steps, folder: string) => void) {
  using first = workFolder();
  using second = workFolder();
  const lines: string[] = [];
  let said: string | undefined;
  try {
    together(
      live(3, (line) => lines.push(line)),
      (sys) => work(sys, first.path),
    );
  } catch (error) {
    said = (error as SysError).said;
  }
  const played = play(
    (sys) => {
      together(sys, (steps) => work(steps, second.path));
      sys.end(0);
    },
    { playing: { trace: 2 } },
  );
  const told = played.stderr.split('\n');
  const without = (folder: string) => (line: string) => line.replaceAll(folder, '/…');
  return {
    atOnce: {
      calls: callsOf(lines, first.path).map(without(first.path)),
      said: said && without(first.path)(said),
      leaves: readdirSync(first.path).sort(),
    },
    onTape: {
      calls: callsOf(
        told.filter((line) => line.includes(' = ')),
        second.path,
      ).map(without(second.path)),
      said: told
        .filter((line) => line.startsWith('prog: ') && !line.includes(' = '))
        .map((line) => without(second.path)(line.slice(6)))[0],
      leaves: readdirSync(second.path).sort(),
    },
  };
}

describe('together: the same at once and on a tape', () => {
  test.each<[string, (sys: Steps, folder: string) => void, { leaves: string[]; said?: string }]>([
    [
      'what succeeds stays',
      (sys, folder) => {
        sys.mkdir(join(folder, 'a'), 0o755);
        sys.undo((back) => back.rmdir(join(folder, 'a')));
      },
      { leaves: ['a'] },
    ],
    [
      'what fails is taken back, the last first',
      (sys, folder) => {
        sys.mkdir(join(folder, 'a'), 0o755);
        sys.undo((back) => back.rmdir(join(folder, 'a')));
        sys.mkdir(join(folder, 'a/b'), 0o755);
        sys.undo((back) => back.rmdir(join(folder, 'a/b')));
        sys.or('no way').chdir(join(folder, 'nowhere'));
      },
      { leaves: [], said: 'no way: No such file or directory' },
    ],
    [
      'a failure while taking back keeps nothing else from being taken back',
      (sys, folder) => {
        sys.mkdir(join(folder, 'a'), 0o755);
        sys.undo((back) => back.rmdir(join(folder, 'a')));
        sys.undo((back) => {
          back.rmdir(join(folder, 'missing'));
          back.rmdir(join(folder, 'missing too'));
        });
        sys.or('no way').chdir(join(folder, 'nowhere'));
      },
      { leaves: [], said: 'no way: No such file or directory' },
    ],
    [
      'what belongs to a part is taken back with that part alone',
      (sys, folder) => {
        sys.undoing(
          (back) => back.mkdir(join(folder, 'never'), 0o755),
          () => sys.mkdir(join(folder, 'a'), 0o755),
        );
        sys.undoing(
          (back) => back.rmdir(join(folder, 'a')),
          () => sys.or('no way').chdir(join(folder, 'nowhere')),
        );
      },
      { leaves: [], said: 'no way: No such file or directory' },
    ],
    [
      'another way after this error, and what depends on a result',
      (sys, folder) => {
        sys.tryElse(
          (first) => first.chdir(join(folder, 'nowhere')),
          (then) => then.mkdir(join(folder, 'else'), 0o755),
          errnoOf('ENOENT'),
        );
        const made = sys.ignoring(errnoOf('EEXIST')).mkdir(join(folder, 'b'), 0o755);
        sys.when(made, 'equal', 0, () => sys.mkdir(join(folder, 'made'), 0o755));
      },
      { leaves: ['b', 'else', 'made'] },
    ],
  ])('%s', (_, work, { leaves, said }) => {
    const { atOnce, onTape } = bothWays(work);
    expect(atOnce).toMatchObject({ leaves, said });
    expect(onTape).toEqual(atOnce);
    expect(atOnce.calls.length).toBeGreaterThan(0);
  });

  test('another error is no reason for another way', () => {
    const { atOnce, onTape } = bothWays((sys, folder) =>
      sys.tryElse(
        (first) => first.or('no way').chdir(join(folder, 'nowhere')),
        (then) => then.mkdir(join(folder, 'else'), 0o755),
        errnoOf('EPERM'),
      ),
    );
    expect(atOnce).toMatchObject({ leaves: [], said: 'no way: No such file or directory' });
    expect(onTape).toEqual(atOnce);
  });

  test('on a tape, one error alone can be told from the others', () => {
    expect(() =>
      play((sys) =>
        sys.tryElse(
          () => undefined,
          () => undefined,
          [errnoOf('EPERM'), errnoOf('ENOENT')],
        ),
      ),
    ).toThrow(TypeError);
  });
});

test('a child that is forked takes nothing back that its parent has made', () => {
  using folder = workFolder();
  const made = join(folder.path, 'parent');
  const { end: status } = play((sys) => {
    expect(isLive(sys)).toBe(false);
    sys.mkdir(made, 0o755);
    sys.undo((back) => back.rmdir(made));
    sys.wait(sys.fork((child) => child.or('the child fails').chdir('/nonexistent')));
    sys.end(0);
  });
  expect(status).toBe(0);
  expect(existsSync(made)).toBe(true);
});

test('what goes on in a child that its parent waits for takes nothing back either: the parent ends as it ends, with what it has made', () => {
  using folder = workFolder();
  const [before, after] = [join(folder.path, 'before'), join(folder.path, 'after')];
  const { end: status, stderr } = play((sys) => {
    sys.mkdir(before, 0o755);
    sys.undo((back) => back.rmdir(before));
    sys.forkAndWait({});
    sys.mkdir(after, 0o755);
    sys.undo((back) => back.rmdir(after));
    sys.or('the child fails').chdir('/nonexistent');
    sys.end(0);
  });
  expect(stderr).toBe('prog: the child fails: No such file or directory\n');
  expect(status).toBe(3);
  expect([existsSync(before), existsSync(after)]).toEqual([true, false]);
});
