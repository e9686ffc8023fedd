/** Recordings as text: what each construct puts on the tape, and where failures lead. */
import { describe, expect, test } from 'vitest';
import {
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  errnoOf,
  formatTape,
  O_RDONLY,
  type Ref,
  recording,
  SIGINT,
  SIGKILL,
  SIGTERM,
  type TapeRecording,
} from '../index.ts';

const tapeOf = (record: (sys: TapeRecording) => void) => {
  const sys = recording(1, true);
  record(sys);
  return formatTape(sys.finish());
};

describe('what is recorded', () => {
  test('calls in order, and the program', () => {
    expect(
      tapeOf((sys) => {
        sys.chdir('/');
        sys.become(['/bin/a', '/usr/bin/a'], ['a', 'b c']);
      }),
    ).toMatchInlineSnapshot(`
      "0: chdir("/")
      1: execvp("a", ["a", "b c"])
      "
    `);
  });

  test('a result used later', () => {
    expect(
      tapeOf((sys) => {
        const fd = sys.open('/x', O_RDONLY);
        sys.close(fd);
      }),
    ).toMatchInlineSnapshot(`
      "0: openat(AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC, 0)
      1: close({0})
      "
    `);
  });

  test('fork: the child ends, the parent goes on', () => {
    expect(
      tapeOf((sys) => {
        const child = sys.fork((other) => other.chdir('/child'));
        sys.wait(child);
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      "0: clone(SIGCHLD, 0, 0, 0, 0)
      1: if {0} is not 0 go to 4
      2: chdir("/child")
      3: exit 0
      4: wait for {0}
      5: exit 0
      "
    `);
  });

  test('fork and wait: the parent stays behind, the child goes on', () => {
    expect(
      tapeOf((sys) => {
        sys.forkAndWait({ block: [SIGINT, SIGTERM], parentDeathSignal: SIGKILL });
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      " 0: rt_sigprocmask(SIG_BLOCK, {...}, ..., 8)
       1: getpid()
       2: pidfd_open({1}, 0)  # may fail
       3: clone(SIGCHLD, 0, 0, 0, 0)
       4: if {3} is 0 go to 8
       5: wait for {3}
       6: end as {5} ended
       7: exit 1
       8: rt_sigprocmask(SIG_SETMASK, {...}, NULL, 8)
       9: prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
      10: store {2} at byte 0 of 8
      11: ppoll({...}, 1, {...}, NULL, 8)
      12: if {11} is 1 go to 14
      13: go to 17
      14: getpid()
      15: kill({14}, SIGKILL)  # may fail
      16: exit 1
      17: close({2})  # may fail
      18: exit 0
      "
    `);
  });

  test('when', () => {
    expect(
      tapeOf((sys) => {
        const fd = sys.ignoring().open('/x', O_RDONLY) as Ref;
        sys.when(fd, 'less', 0, () => sys.end(4));
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      "0: openat(AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC, 0)  # may fail
      1: if {0} is below 0 go to 3
      2: go to 4
      3: exit 4
      4: exit 0
      "
    `);
  });

  test('one way, else another', () => {
    expect(
      tapeOf((sys) => {
        sys.tryElse(
          (first) => first.chdir('/a'),
          (other) => other.chdir('/b'),
          errnoOf('ENOENT'),
        );
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      "0: chdir("/a")  # on failure go to 2
      1: go to 3
      2: chdir("/b")
      3: exit 0
      "
    `);
  });

  test('taking back: blocks behind the end, the last one leads to the first', () => {
    expect(
      tapeOf((sys) => {
        sys.chdir('/before');
        sys.undo((back) => back.chdir('/back-1'));
        sys.chdir('/between');
        sys.undo((back) => back.chdir('/back-2'));
        sys.chdir('/after');
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      "0: chdir("/before")
      1: chdir("/between")  # on failure go to 6
      2: chdir("/after")  # on failure go to 4
      3: exit 0
      4: chdir("/back-2")  # may fail
      5: go to 6
      6: chdir("/back-1")  # may fail
      7: end, having failed
      "
    `);
  });

  test('taking back goes on whatever fails in it, unless it has another way itself', () => {
    expect(
      tapeOf((sys) => {
        sys.undo((back) => {
          back.or('cannot go back').chdir('/a');
          back.wait(back.fork((child) => child.or('nor here').chdir('/b')));
          back.tryElse(
            (first) => first.or('this way').chdir('/c'),
            (other) => other.or('nor that').chdir('/d'),
          );
        });
        sys.chdir('/');
        sys.end(0);
      })
        .split('\n')
        .filter((line) => /chdir|clone|wait/.test(line)),
    ).toEqual([
      ' 0: chdir("/")  # on failure go to 2',
      ' 2: chdir("/a")  # may fail',
      ' 3: clone(SIGCHLD, 0, 0, 0, 0)  # may fail',
      ' 5: chdir("/b")  # may fail',
      ' 7: wait for {3}  # may fail',
      ' 8: chdir("/c")  # on failure go to 10',
      '10: chdir("/d")  # may fail',
    ]);
  });

  test('after a pivot_root nothing is taken back by path', () => {
    expect(
      tapeOf((sys) => {
        sys.undo((back) => back.umount2('/new'));
        sys.pivot_root('/new', '/new/old');
        sys.chdir('/');
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      "0: pivot_root("/new", "/new/old")  # on failure go to 3
      1: chdir("/")
      2: exit 0
      3: umount2("/new", 0)  # may fail
      4: end, having failed
      "
    `);
  });

  test('where children go to another PID namespace, failures are taken back as anywhere: the runner explains in a child', () => {
    expect(
      tapeOf((sys) => {
        sys.undo((back) => back.chdir('/back'));
        sys.explaining('unshare').unshare(CLONE_NEWPID);
        sys.chdir('/unexplained');
        sys.explaining('chdir').chdir('/explained');
        sys.forkAndWait({});
        sys.explaining('chdir').chdir('/child');
      }),
    ).toMatchInlineSnapshot(`
      " 0: unshare(CLONE_NEWPID)  # on failure go to 9
       1: chdir("/unexplained")  # on failure go to 9
       2: chdir("/explained")  # on failure go to 9
       3: clone(SIGCHLD, 0, 0, 0, 0)  # on failure go to 9
       4: if {3} is 0 go to 8
       5: wait for {3}  # on failure go to 9
       6: end as {5} ended  # on failure go to 9
       7: exit 1
       8: chdir("/child")
       9: chdir("/back")  # may fail
      10: end, having failed
      "
    `);
  });

  test('behind another mount namespace, what is taken back begins by going back; where that fails, nothing is', () => {
    expect(
      tapeOf((sys) => {
        sys.undo((back) => back.umount2('/made'));
        sys.setns(9, CLONE_NEWNET);
        sys.setns(9, CLONE_NEWNS);
        sys.chdir('/');
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      " 0: setns(9, CLONE_NEWNET)  # on failure go to 17
       1: openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY|O_CLOEXEC|O_NONBLOCK, 0)  # may fail
       2: openat(AT_FDCWD, "/", O_RDONLY|O_PATH|O_CLOEXEC|O_DIRECTORY, 0)  # may fail
       3: openat(AT_FDCWD, ".", O_RDONLY|O_PATH|O_CLOEXEC|O_DIRECTORY, 0)  # may fail
       4: setns(9, CLONE_NEWNS)  # on failure go to 17
       5: chdir("/")  # on failure go to 7
       6: exit 0
       7: if {4} is below 0 go to 17
       8: setns({1}, CLONE_NEWNS)  # may fail
       9: if {8} is below 0 go to 16
      10: fchdir({2})  # may fail
      11: if {10} is below 0 go to 16
      12: chroot(".")  # may fail
      13: if {12} is below 0 go to 16
      14: fchdir({3})  # may fail
      15: go to 17
      16: end, having failed
      17: umount2("/made", 0)  # may fail
      18: end, having failed
      "
    `);
  });

  test('unshare leaves the same files in sight: what the mounts do not hold is taken back even without a way back', () => {
    expect(
      tapeOf((sys) => {
        sys.undo((back) => back.rmdir('/made'));
        sys.unshare(CLONE_NEWNS);
        sys.chdir('/');
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      " 0: openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY|O_CLOEXEC|O_NONBLOCK, 0)  # may fail
       1: openat(AT_FDCWD, "/", O_RDONLY|O_PATH|O_CLOEXEC|O_DIRECTORY, 0)  # may fail
       2: openat(AT_FDCWD, ".", O_RDONLY|O_PATH|O_CLOEXEC|O_DIRECTORY, 0)  # may fail
       3: unshare(CLONE_NEWNS)  # on failure go to 16
       4: chdir("/")  # on failure go to 6
       5: exit 0
       6: if {3} is below 0 go to 16
       7: setns({0}, CLONE_NEWNS)  # may fail
       8: if {7} is below 0 go to 16
       9: fchdir({1})  # may fail
      10: if {9} is below 0 go to 15
      11: chroot(".")  # may fail
      12: if {11} is below 0 go to 15
      13: fchdir({2})  # may fail
      14: go to 16
      15: end, having failed
      16: unlinkat(AT_FDCWD, "/made", AT_REMOVEDIR)  # may fail
      17: end, having failed
      "
    `);
  });

  test('a child takes nothing back that its parent has made, and the parent nothing that the child has', () => {
    expect(
      tapeOf((sys) => {
        sys.undo((back) => back.rmdir('/parent'));
        sys.fork((child) => {
          child.chdir('/a');
          child.undo((back) => back.rmdir('/child'));
          child.chdir('/b');
        });
        sys.chdir('/c');
        sys.forkAndWait({ ended: (parent) => parent.chdir('/d') });
        sys.chdir('/e');
      }),
    ).toMatchInlineSnapshot(`
      " 0: clone(SIGCHLD, 0, 0, 0, 0)  # on failure go to 15
       1: if {0} is not 0 go to 5
       2: chdir("/a")
       3: chdir("/b")  # on failure go to 13
       4: exit 0
       5: chdir("/c")  # on failure go to 15
       6: clone(SIGCHLD, 0, 0, 0, 0)  # on failure go to 15
       7: if {6} is 0 go to 12
       8: wait for {6}  # on failure go to 15
       9: chdir("/d")  # on failure go to 15
      10: end as {8} ended  # on failure go to 15
      11: exit 1
      12: chdir("/e")
      13: unlinkat(AT_FDCWD, "/child", AT_REMOVEDIR)  # may fail
      14: end, having failed
      15: unlinkat(AT_FDCWD, "/parent", AT_REMOVEDIR)  # may fail
      16: end, having failed
      "
    `);
  });

  test('the command line of a tool that forks is shown, once, and only where it is another', () => {
    expect(
      tapeOf((sys) => {
        sys.speakFor('first', 'first first', 1).forkAndWait({});
        const second = sys.speakFor('second', 'second second', 1, ['second', 'a b', '']);
        second.chdir('/');
        second.wait(second.fork((child) => child.end(0)));
        second.forkAndWait({});
        sys.speakFor('third', 'third third', 1, ['third']).chdir('/');
      }).replace(/^.*(clone|show|wait)/gm, '$1'),
    ).toMatch(/^clone.*\n(?:(?!show).*\n)*show as "second" "a b" ""\nclone(?:(?!show).*\n)*$/);
  });

  test('one way, else another, inside what is taken back', () => {
    expect(
      tapeOf((sys) => {
        sys.undo((back) => back.chdir('/back'));
        sys.tryElse(
          (first) => first.chdir('/a'),
          (other) => other.chdir('/b'),
        );
        sys.end(0);
      }),
    ).toMatchInlineSnapshot(`
      "0: chdir("/a")  # on failure go to 2
      1: go to 3
      2: chdir("/b")  # on failure go to 4
      3: exit 0
      4: chdir("/back")  # may fail
      5: end, having failed
      "
    `);
  });
});

test('a result cannot be read while planning', () => {
  const sys = recording();
  expect(() => sys.statfs('/')).toThrow(TypeError);
});
