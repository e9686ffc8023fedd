/** `--status-fd`: one JSON line an event, for whoever watches. */
import type { Recording, Ref, Waiting } from '@ts/sys';

/** Writes a line; numbers that are known while it happens are filled in then. Without a descriptor, nothing. */
export function event(
  sys: Recording,
  fd: number | undefined,
  name: string,
  ...pieces: Parameters<Recording['print']>[1]
): void {
  if (fd !== undefined)
    sys.or('cannot write to the status descriptor').print(fd, [`{"event":"${name}"`, ...pieces, '}\n']);
}

/** Forks and waits, and says which process the child is and how it has ended. What follows is the child's. */
export function forkReporting(sys: Recording, fd: number | undefined, waiting: Waiting): void {
  const go = fd === undefined ? undefined : (sys.or('eventfd failed').eventfd() as Ref);
  sys.forkAndWait({
    ...waiting,
    parent: (parent, pid) => {
      waiting.parent?.(parent, pid);
      event(parent, fd, 'child', ',"pid":', { result: pid });
      if (go === undefined) return;
      const one = Buffer.alloc(8);
      one.writeBigUInt64LE(1n);
      parent.write(go, one);
    },
    ended: (parent, status) => {
      waiting.ended?.(parent, status);
      event(parent, fd, 'exit', ',"status":', { exitStatus: status }, ',"signal":', { signal: status });
    },
  });
  // The line that says which process we are comes before any that we write.
  if (go !== undefined) sys.read(go, Buffer.alloc(8));
}
