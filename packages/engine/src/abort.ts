/** AbortController and its signal, for work that can be told to stop. An error of a listener is that of `abort`. */
type Listener = () => void;

const abortError = () => Object.assign(new Error('This operation was aborted'), { name: 'AbortError', code: 20 });

let stop: (signal: AbortSignal, reason: unknown) => void;

export class AbortSignal {
  readonly #listeners = new Set<Listener>();
  #aborted = false;
  #reason: unknown;

  static {
    stop = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason;
      for (const listener of [...signal.#listeners]) listener();
    };
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  addEventListener(_: 'abort', listener: Listener): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: 'abort', listener: Listener): void {
    this.#listeners.delete(listener);
  }
}

export class AbortController {
  readonly signal = new AbortSignal();

  /** @param reason What `throwIfAborted` throws. */
  abort(reason: unknown = abortError()): void {
    stop(this.signal, reason);
  }
}
