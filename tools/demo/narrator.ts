/** What the demo prints: steps, commands, what they show, and whether each statement holds. */

const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string) => (isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);

export class Narrator {
  #step = 0;
  #isQuiet = false;
  #held = 0;
  readonly #failed: string[] = [];
  readonly #leftOut: string[] = [];

  /** From here on nothing is said, and what is found does not count: it was interrupted. */
  hush(): void {
    this.#isQuiet = true;
  }

  speak(): void {
    this.#isQuiet = false;
  }

  #print(text: string): void {
    if (!this.#isQuiet) process.stdout.write(text);
  }

  step(title: string): void {
    this.#print(`\n${paint(1, `${++this.#step}. ${title}`)}\n`);
  }

  /** A command as it is run. */
  command(text: string): void {
    this.#print(`   ${paint(36, `$ ${text.trim().replaceAll('\n', '\n     ')}`)}\n`);
  }

  /** What came out. */
  shows(text: string): void {
    const lines = text.trimEnd().split('\n');
    if (text.trim() !== '') this.#print(`${lines.map((line) => `     ${line}`).join('\n')}\n`);
  }

  /** A statement, and whether it is true; `found` is printed where it is not. */
  check(statement: string, holds: boolean, found: unknown = ''): void {
    if (this.#isQuiet) return;
    if (holds) this.#held++;
    else this.#failed.push(statement);
    const why = holds || found === '' ? '' : ` (found: ${String(found).trim().slice(0, 400)})`;
    this.#print(`   ${holds ? paint(32, '✓') : paint(31, '✗')} ${statement}${why}\n`);
  }

  /** Something that cannot be shown here, and why. */
  leaveOut(what: string, why: string): void {
    this.#leftOut.push(`${what}: ${why}`);
    this.#print(`   - left out: ${what}: ${why}\n`);
  }

  /** The end of it; gives the exit status. */
  conclude(): number {
    const lines = [
      `${this.#held} checks held, ${this.#failed.length} did not.`,
      ...this.#failed.map((each) => `✗ ${each}`),
    ];
    if (this.#leftOut.length) lines.push('Left out:', ...this.#leftOut.map((each) => `- ${each}`));
    this.#print(`\n${lines.join('\n')}\n`);
    return this.#failed.length ? 1 : 0;
  }
}
