/** What takes back what was done. */

/** Steps that undo what was done, run in turn when a later one fails: the last first. */
export class Journal<Step extends (...context: never[]) => void = () => void> {
  readonly #steps: Step[] = [];

  get length(): number {
    return this.#steps.length;
  }

  add(takeBack: Step | undefined): void {
    if (takeBack) this.#steps.push(takeBack);
  }

  /** Forgets what was added behind the first `length` steps: it need not be undone any more. */
  keep(length: number): void {
    this.#steps.length = length;
  }

  /**
   * Runs all of them and forgets them. One that fails does not keep the others from running.
   *
   * @returns what was thrown, in that order.
   */
  run(...context: Parameters<Step>): unknown[] {
    const failures: unknown[] = [];
    for (const takeBack of this.#steps.splice(0).reverse()) {
      try {
        takeBack(...context);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }
}
