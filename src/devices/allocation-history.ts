/**
 * When each device was last given away by Allocate. It steers the preference for rested devices and, later,
 * the grace time in which the kubelet has not yet recorded an allocation. It never says that a
 * device is taken: nobody tells a plugin when a pod ends.
 */
export class AllocationHistory {
  readonly #last = new Map<string, number>();

  /** `now` in ms since the epoch. */
  record(ids: readonly string[], now: number): void {
    for (const id of ids) this.#last.set(id, now);
  }

  /** ms since the epoch, or undefined if this process has not given the device away. */
  lastAllocated(id: string): number | undefined {
    return this.#last.get(id);
  }
}
