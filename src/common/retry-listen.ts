import { backoffDelay } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import { PluginError } from "./plugin-error.ts";

/** What is tried and what is said while it fails. */
export interface Attempt<T> {
  serve(): T | Promise<T>;
  /** The warning's message: `Metrics can't be served`. */
  readonly failed: string;
  /** What goes on without it. */
  readonly next: string;
}

export interface AttemptDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Waits between attempts, ms: short at first, since an ending instance is gone within a second. */
const backoff = { initialMs: 500, maxMs: 30_000 };

/**
 * Tries to serve until it works, with backoff. Nobody's camera hangs on it, so whatever prevents it is a warning, told
 * once for each cause.
 *
 * @returns undefined if `signal` aborted before.
 */
export async function retryListen<T>(
  { serve, failed, next }: Attempt<T>,
  { clock, log, random }: AttemptDeps,
  signal: AbortSignal,
): Promise<T | undefined> {
  let told = "";
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      return await serve();
    } catch (reason) {
      const error = PluginError.from(reason);
      const delay = backoffDelay(failures, backoff, random());
      log[error.message === told ? "debug" : "warn"](failed, {
        ...error.fields(),
        retry_in_ms: delay,
        next,
      });
      told = error.message;
      await clock.sleep(delay, signal);
    }
  }
  return undefined;
}
