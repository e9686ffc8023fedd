/** Ends what is in groups and removes them: live, since what is there shows only then. */
import { encode, type LiveSys, O_WRONLY, parseDecimal, SIGKILL, SysError } from '@ts/sys';
import type { Reader } from './hierarchies.ts';
import { groupsBelow } from './tree.ts';

const PAUSE_MS = 5;
/** Processes that do not end (they wait for a disk) are given up after this many pauses. */
const PAUSES = 2000;

const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);

/** Writes to a file of a group if it has it. */
function tell(sys: LiveSys, path: string, value: string, world: Reader): boolean {
  if (!world.exists(path)) return false;
  const fd = sys.open(path, O_WRONLY);
  sys.write(fd, encode(value));
  sys.close(fd);
  return true;
}

/** Kills every process of the group and of those below it. A frozen group is thawed: v1's do not die before. */
export function killGroup(sys: LiveSys, directory: string, world: Reader): void {
  if (tell(sys, `${directory}/cgroup.kill`, '1', world)) return;
  const all = [...groupsBelow(directory).reverse(), directory];
  for (const group of all) {
    const pids = (world.read(`${group}/cgroup.procs`) ?? '').split('\n').filter(Boolean);
    for (const pid of pids.flatMap((text) => parseDecimal(text) || [])) sys.ignoring().kill(pid, SIGKILL);
    tell(sys, `${group}/freezer.state`, 'THAWED', world);
  }
}

/** Kills what is in it and removes it with all below. One that is gone already is no failure. */
export function killAndRemove(sys: LiveSys, directory: string, world: Reader): void {
  for (let round = 0; world.exists(directory); round++) {
    try {
      for (const group of [...groupsBelow(directory).reverse(), directory]) sys.rmdir(group);
      return;
    } catch (error) {
      if (!(error instanceof SysError) || round === PAUSES) throw error;
      if (error.code === 'ENOENT' || error.code === 'ENODEV') continue;
      if (error.code !== 'EBUSY') throw error;
      killGroup(sys, directory, world);
      pause();
    }
  }
}
