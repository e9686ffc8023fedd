import { strerror } from '@ts/sys';

/** What makes a layer or an archive unusable, and what would help. */
export class LayerError extends Error {
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'LayerError';
  }
}

/** Does something with Node's own file functions; what fails is said of `shown`, whatever path it was done by. */
export function reading<T>(shown: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    if (errno === undefined || syscall === undefined) throw error;
    throw new LayerError(`cannot read '${shown}': ${strerror(-errno)}`);
  }
}
