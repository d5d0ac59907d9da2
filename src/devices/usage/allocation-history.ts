/**
 * When each device was last asked for by Allocate, which steers the preference for rested devices. Who
 * uses one is the matter of `use.ts`.
 */
export class AllocationHistory {
  readonly #last = new Map<string, number>();

  /** `now` in ms since the epoch. */
  record(ids: readonly string[], now: number): void {
    for (const id of ids) this.#last.set(id, now);
  }

  /** ms since the epoch, or undefined if this process was not asked for the device. */
  lastAllocated(id: string): number | undefined {
    return this.#last.get(id);
  }
}
