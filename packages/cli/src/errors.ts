/** What a tool says when it cannot go on. Libraries throw these; ./run.ts alone prints. */
import { strerror } from '@ts/sys';

/** `prog: message`, and perhaps a line with the remedy. */
export class ToolError extends Error {
  constructor(
    message: string,
    readonly status?: number,
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'ToolError';
  }
}

/** A command line that the tool does not take. `asGetopt`: the program stands as it was called, as getopt(3) prints it. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly asGetopt = false,
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'UsageError';
  }
}

/** A failure of Node's own file functions in our words; anything else stays as it is. */
export function fileFailure(error: unknown): unknown {
  const { errno, path } = error as NodeJS.ErrnoException;
  return error instanceof Error && errno !== undefined && path !== undefined
    ? new ToolError(`cannot read '${path}': ${strerror(-errno)}`)
    : error;
}
