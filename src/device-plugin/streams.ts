/**
 * The ListAndWatch streams that are open on one server. The reconciler counts them, a stop ends them.
 */
export class StreamSet {
  readonly #open = new Set<AbortController>();
  readonly #onChange: () => void;
  #seen = 0;

  /** `onChange` is called when a stream opens or ends. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** How many have been opened so far. */
  get seen(): number {
    return this.#seen;
  }

  /**
   * Adds a stream that lives until `signal` aborts or {@link endAll}. The signal returned aborts with
   * either; call `done` when the stream has ended.
   */
  add(signal: AbortSignal): { readonly signal: AbortSignal; done(): void } {
    const end = new AbortController();
    this.#open.add(end);
    this.#seen += 1;
    this.#onChange();
    return {
      signal: AbortSignal.any([signal, end.signal]),
      done: () => {
        if (this.#open.delete(end)) this.#onChange();
      },
    };
  }

  /** Ends every stream in good order: the kubelet sees EOF. */
  endAll(): void {
    for (const end of [...this.#open]) end.abort();
  }
}
