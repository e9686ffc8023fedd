import { describe, test } from 'vitest';
import { expectSame } from '../harness/parity.ts';
import { isRoot, NOBODY, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const USERS = isRoot ? [0, NOBODY] : [process.getuid?.() as number];

/** Command lines in a folder `x` with a folder `old`. */
const REFUSED: readonly (readonly string[])[] = [
  [],
  ['x'],
  ['x', 'x/old', 'more'],
  ['x', '--', 'x/old'],
  ['x', '-x'],
  ['--nonsense'],
  ['/nowhere', '/tmp'],
  ['x', 'x/old'],
  ['x', '/nowhere'],
  ['.', '.'],
];

describe('pivot_root', () => {
  for (const uid of USERS)
    for (const argv of REFUSED)
      test(`${argv.join(' ')}, as user ${uid}`, (context) => {
        needs(context, needsProgram('pivot_root'));
        using folder = temporaryFolder();
        expectSame(['sh', '-c', 'mkdir -p x/old 2>/dev/null; exec pivot_root "$@"', 'sh', ...argv], {
          uid,
          cwd: folder.path,
        });
      });
  for (const words of [
    'mount --bind x x; pivot_root x x/old; echo $?; pwd; cd /; echo *; cd /old && echo usr*',
    'mount --bind x x; cd x; pivot_root . old; echo $?; cd /; echo *',
    'mount --bind x x; cd x; pivot_root . .; echo $?; cd /; echo usr*',
    'mount --bind x x; pivot_root x old; echo $?',
    'cd x; pivot_root . old; echo $?',
  ])
    test(words, (context) => {
      needs(context, needsRoot, needsProgram('pivot_root'));
      using folder = temporaryFolder();
      expectSame(['unshare', '-m', 'sh', '-c', `mkdir -p x/old; ${words}`], {
        cwd: folder.path,
        env: { TS_HINTS: '0' },
      });
    });
});
