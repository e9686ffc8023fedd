/**
 * Who waits for the program, and who waits for the waiter.
 *
 * The parent holds a lock on a group's folder. A second process, outside of session and groups, asks for the same lock
 * and gets it only when the parent is gone, however that came about. If the group is there then, it ends what is in it
 * and removes it.
 */

import { subjectOf } from '@ts/cgroups';
import { isTerminal } from '@ts/cli';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  errnoOf,
  type Int,
  LOCK_EX,
  LOCK_SH,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  type Recording,
  type Ref,
  rawCall,
  SIG_UNBLOCK,
  SIGCHLD,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGTERM,
  SIGUSR1,
  SIGUSR2,
  signalSet,
} from '@ts/sys';
import type { Ending } from './plan.ts';

const LAST_DESCRIPTOR = 0xffff_ffff;

/** Executes this tool once more, as this process. */
function becomeFinisher(sys: Recording, { tool, finish }: Ending): void {
  sys.or(`cannot execute ${tool}`).become([tool], ['ts-cgexec', '--finish', JSON.stringify(finish)]);
}

/** Removes empty groups; where one is not empty, or statistics are wanted, `otherwise`. */
function removeElse(sys: Recording, { finish }: Ending, otherwise: (sys: Recording) => void): void {
  sys.tryElse((attempt) => {
    // Whoever was in it may have removed it.
    for (const directory of finish.remove) attempt.do('unlinkat', AT_FDCWD, directory, AT_REMOVEDIR);
  }, otherwise);
}

/** The process that outlives the parent. */
function watch(sys: Recording, ending: Ending, directory: string): void {
  const quiet = sys.ignoring();
  quiet.setsid();
  quiet.chdir('/');
  quiet.do('close_range', 0, LAST_DESCRIPTOR, 0);
  // Three descriptors for the finisher; who would read its words is gone.
  for (let fd = 0; fd < 3; fd++) quiet.do('openat', AT_FDCWD, '/dev/null', O_RDWR, 0);
  const folder = quiet.open(directory, O_RDONLY | O_DIRECTORY) as Ref;
  quiet.flock(folder, LOCK_EX);
  // The folder that was meant, and not a later one of the same name: in one that was removed nothing is found.
  const there = quiet.openat(folder, 'cgroup.procs', O_RDONLY) as Ref;
  sys.when(there, 'less', 0, () => sys.end(0));
  removeElse(sys, ending, (other) => becomeFinisher(other, ending));
  sys.end(0);
}

/** Whether a child can be born in a v2 group. Asked so, clone3 does nothing; a filter of system calls may not know it. */
const canBeBorn = () => rawCall('clone3', [null, 0]) === -errnoOf('EINVAL');

/**
 * What follows on the tape is the program's process; its parent waits, and ends as it has ended.
 *
 * @param group Folder of a v2 group. @returns Whether the process is in it from its birth.
 */
export function waitForEnd(sys: Recording, ending: Ending, group: string | undefined): boolean {
  const { finish } = ending;
  const [innermost] = finish.remove;
  let lock: Int | undefined;
  if (innermost !== undefined) {
    lock = sys.open(innermost, O_RDONLY | O_DIRECTORY);
    sys.or(`cannot lock ${innermost}`).flock(lock, LOCK_SH);
    sys.or('fork failed').fork((watcher) => watch(watcher, ending, innermost));
  }
  const born = canBeBorn() ? group : undefined;
  const folder = born === undefined ? undefined : sys.open(born, O_RDONLY | O_DIRECTORY);
  // A terminal sends the signals of its keys to the program itself.
  const keys = [0, 1, 2].some(isTerminal);
  const block = keys ? [SIGINT, SIGQUIT] : [];
  const forward = [SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, ...(keys ? [] : [SIGINT, SIGQUIT])];
  const forking =
    born === undefined
      ? sys.or('fork failed')
      : sys.or(`cannot start in ${born}`).explaining(subjectOf('write', `${born}/cgroup.procs`, '0'));
  forking.forkAndWait({
    block,
    forward,
    mirrorStops: true,
    cgroup: folder,
    ended: (parent) => {
      const finisher = (other: Recording) => {
        const pid = other.or('fork failed').fork((child) => {
          child.ignoring().sigprocmask(SIG_UNBLOCK, signalSet([...block, ...forward, SIGCHLD]));
          becomeFinisher(child, ending);
        });
        other.wait(pid);
      };
      if (finish.stat) finisher(parent);
      else removeElse(parent, ending, finisher);
    },
  });
  for (const fd of [lock, folder]) if (fd !== undefined) sys.ignoring(errnoOf('EBADF')).close(fd);
  return born !== undefined;
}
