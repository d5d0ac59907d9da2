/** The ListAndWatch streams on one server: the registrar counts them and ends them. */
export class StreamSet {
  readonly #open = new Set<AbortController>();
  readonly #onChange: () => void;
  #seen = 0;
  #userAgent: string | undefined;

  /** `onChange` is called when a stream opens or ends. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Number of streams that are open. */
  get open(): number {
    return this.#open.size;
  }

  /** Number of streams opened since the last {@link endAll}. */
  get seen(): number {
    return this.#seen;
  }

  /** The program that opened the last stream, `grpc-go/1.68.1`; undefined if it did not say. */
  get userAgent(): string | undefined {
    return this.#userAgent;
  }

  /**
   * Adds a stream that lives until `signal` aborts or {@link endAll} is called; either aborts the signal returned. Call
   * `done` when the stream has ended.
   */
  add(
    signal: AbortSignal,
    userAgent?: string | null,
  ): { readonly signal: AbortSignal; done(): void } {
    this.#userAgent = userAgent ?? undefined;
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

  /** Ends every stream without an error (the kubelet sees EOF), and counts from zero. */
  endAll(): void {
    const open = [...this.#open];
    this.#open.clear();
    this.#seen = 0;
    for (const end of open) end.abort();
  }
}
