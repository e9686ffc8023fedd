import { Failure, SysError, strerror } from '@ts/sys';

const escaped = (control: string) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** What makes a layer or an archive unusable, and what would help. */
export class LayerError extends Failure {
  constructor(message: string, remedy?: string) {
    // Names of others stand in it: they make no lines of their own and move no cursor.
    super(message.replace(/\p{Cc}/gu, escaped), undefined, remedy);
  }
}

/** Whether a system call has failed with one of these errors. */
export const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof SysError && codes.includes(error.code);

/** Does something with Node's own file functions; what fails is said of `shown`, whatever path it was done by. */
export function reading<T>(shown: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof SysError || errno === undefined || syscall === undefined) throw error;
    throw new LayerError(`cannot read '${shown}': ${strerror(-errno)}`);
  }
}
