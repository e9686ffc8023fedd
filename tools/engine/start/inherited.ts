/** What a process was given that starts with the snapshot: nothing of it has been changed. */
import { host } from '@ts/engine';
import { type Inherited, isOpen, O_PATH, openFile, SIGPIPE, signalSet } from '@ts/sys';

/**
 * Closed ones among the descriptors 0 to 2 get something that can neither be read nor written, so that no file that is opened gets their
 * numbers.
 */
export function inherited(): Inherited {
  const descriptors: (readonly [number, number])[] = [];
  for (const fd of [0, 1, 2])
    if (isOpen(fd)) descriptors.push([fd, fd]);
    else openFile('/', O_PATH);
  return {
    untouched: true,
    descriptors,
    // The only one that a tool asks for: there is nothing to give back.
    ignored: host.ignoredSignals(signalSet([SIGPIPE])),
    blocked: host.blockedSignals(),
    argv: host.arguments(),
    environment: host.environment(),
  };
}
