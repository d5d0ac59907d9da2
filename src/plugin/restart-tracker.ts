import type { Clock } from "../common/clock.ts";
import type { Check } from "../observe/probes.ts";

/** A part that has not failed for this long works again, ms: twice the longest wait before a restart. */
const calmMs = 60_000;

/** A part that has been failing for this long won't come right by itself, ms; a start of the process may help. */
const lostMs = 300_000;

/** Parts without which no device is offered. A port or socket in use is no reason to end all the others. */
const vital = new Set(["maintenance", "audit", "monitor", "registrar"]);

interface Failing {
  readonly since: number;
  readonly last: number;
}

/** Which parts of the program keep failing. */
export class RestartTracker {
  readonly #clock: Pick<Clock, "now">;
  /** By the part's name, with that of its pool. */
  readonly #failing = new Map<string, Failing>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** A part has failed and is restarted. @param pool Its pool's name, if there are several. */
  restarted(actor: string, pool?: string): void {
    if (!vital.has(actor)) return;
    const name = pool === undefined ? actor : `${actor} of ${pool}`;
    const now = this.#clock.now();
    const before = this.#failing.get(name);
    const goesOn = before !== undefined && now - before.last < calmMs;
    this.#failing.set(name, { since: goesOn ? before.since : now, last: now });
  }

  /** Fails if a part has been failing again and again for five minutes. */
  check(): Check {
    const now = this.#clock.now();
    const lost = [...this.#failing].flatMap(([name, { since, last }]) =>
      now - last < calmMs && now - since >= lostMs ? [name] : [],
    );
    const failure =
      lost.length === 0 ? undefined : `${lost.join(", ")} has failed for ${lostMs / 60_000} min`;
    return { name: "actors", failure };
  }
}
