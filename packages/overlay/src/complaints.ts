/** What the kernel has to say about a mount that it refuses, beyond an error number. */
import { FSOPEN_CLOEXEC, type LiveSys, SysError } from '@ts/sys';
import { configure, type Overlay } from './mount.ts';

/** The first letter says how grave it is: e, w, i. */
const MESSAGE = /^[ewi] (?:overlay(?:fs)?: )?/;

/** Reads the messages of a file-system context; each read(2) gives one. */
function messagesOf(sys: LiveSys, fs: number): string[] {
  const messages: string[] = [];
  const buffer = Buffer.alloc(4096);
  for (;;) {
    const length = sys.ignoring().read(fs, buffer);
    if (length <= 0) return messages;
    messages.push(buffer.toString('utf8', 0, length).trim().replace(MESSAGE, ''));
  }
}

/** Tries to make the same file system, without mounting it anywhere, and gives what the kernel says; empty where it succeeds. */
export function complaintsOf(sys: LiveSys, overlay: Overlay): string[] {
  let fs: number | undefined;
  try {
    fs = sys.fsopen('overlay', FSOPEN_CLOEXEC);
    configure(sys, fs, overlay);
    return [];
  } catch (error) {
    if (!(error instanceof SysError) || fs === undefined) return [];
    return messagesOf(sys, fs);
  } finally {
    if (fs !== undefined) sys.close(fs);
  }
}
