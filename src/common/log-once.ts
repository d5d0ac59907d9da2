import type { Clock } from "./clock.ts";

/** When something that lasts is logged again. */
export interface Reminder {
  readonly clock: Pick<Clock, "now">;
  /** Milliseconds after the last time. */
  readonly afterMs: number;
}

/**
 * Remembers what was logged, so that a condition that lasts is logged once:
 * `log[once.isNew("metrics", error.message) ? "warn" : "debug"](…)`.
 */
export class LogOnce {
  readonly #logged = new Map<string, { readonly text: string; readonly at: number }>();
  readonly #reminder: Reminder | undefined;

  constructor(reminder?: Reminder) {
    this.#reminder = reminder;
  }

  /**
   * True the first time, when `text` is not the last one for this subject, and when the reminder is due; then it
   * is remembered. Subjects are forgotten only by {@link forget}, so there must be a limited number of them.
   */
  isNew(subject: string, text = ""): boolean {
    const last = this.#logged.get(subject);
    const now = this.#reminder?.clock.now() ?? 0;
    const isDue = now - (last?.at ?? 0) >= (this.#reminder?.afterMs ?? Number.POSITIVE_INFINITY);
    if (last?.text === text && !isDue) return false;
    this.#logged.set(subject, { text, at: now });
    return true;
  }

  /** Forgets one subject, or all: whatever comes next is new. @returns whether there was anything to forget. */
  forget(subject?: string): boolean {
    if (subject !== undefined) return this.#logged.delete(subject);
    const hadAny = this.#logged.size > 0;
    this.#logged.clear();
    return hadAny;
  }
}
