import type { Caller } from '../caller.ts';
import { O_CLOEXEC } from '../const/open.ts';

/** A descriptor from which changes in watched folders are read; close-on-exec. As inotify_init1(2). EMFILE at the user's limit. */
export const inotify_init = (sys: Caller): number => sys.look('inotify_init1', O_CLOEXEC);

/** Watches a file or a folder, as inotify_add_watch(2). `mask`: IN_*. Result: a number that events carry. */
export const inotify_add_watch = (sys: Caller, fd: number, path: string, mask: number): number =>
  sys.look('inotify_add_watch', fd, path, mask);
