/** What a tool says when it cannot go on. Libraries throw these; ./run.ts alone prints. */

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
