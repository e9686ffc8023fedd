import { Failure, SysError, saying } from '@ts/sys';

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

/** Looks at files; what fails is said of `shown`, whatever path it was done by. */
export const reading = <T>(shown: string, read: () => T): T => saying(`cannot read '${shown}'`, read);
