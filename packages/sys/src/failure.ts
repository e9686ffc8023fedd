/** What went wrong, for whoever called: the one base of every error that this project throws on purpose. */
export class Failure extends Error {
  /**
   * @param message One line, without the program's name and without a full stop.
   * @param status Exit status; where it is left out, that of the tool for failures.
   * @param remedy A second line: cause and remedy, where they are known.
   */
  constructor(
    message: string,
    readonly status?: number,
    readonly remedy?: string,
  ) {
    super(message);
    this.name = new.target.name;
  }

  /** The line that a user is shown of it. */
  get said(): string {
    return this.message;
  }
}
