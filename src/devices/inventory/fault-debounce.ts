import type { Sight } from "./device-status.ts";

/**
 * Since when devices have been `faulty` at every look. Another process that resets or checks a device keeps
 * everybody out meanwhile, which looks the same as what a killed one has left behind: only time tells them apart.
 */
export class FaultDebounce {
  readonly #patienceMs: number;
  /** By device, ms since the epoch. */
  readonly #since = new Map<string, number>();

  /** @param patienceMs How long a fault may be somebody's work. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Takes in what a look at `now` has shown. */
  seen(sights: readonly Pick<Sight, "id" | "state">[], now: number): void {
    for (const { id, state } of sights) {
      if (state !== "faulty") this.#since.delete(id);
      else if (!this.#since.has(id)) this.#since.set(id, now);
    }
  }

  /** Whether the device has been faulty for longer than anybody works on one. */
  lasts(id: string, now: number): boolean {
    const since = this.#since.get(id);
    return since !== undefined && now - since >= this.#patienceMs;
  }

  /** When the next fault will have lasted, ms since the epoch; undefined if none is new. */
  nextReview(now: number): number | undefined {
    const times = [...this.#since.values()].map((since) => since + this.#patienceMs);
    const ahead = times.filter((at) => at > now);
    return ahead.length === 0 ? undefined : Math.min(...ahead);
  }
}
