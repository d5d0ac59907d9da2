import { backoffDelay } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { LogOnce } from "./log-once.ts";
import type { Logger } from "./logger.ts";
import { PluginError } from "./plugin-error.ts";

/** What to serve, and the words of the warning when that fails. */
export interface Listening<T> {
  serve(): T | Promise<T>;
  /** The warning's message: `Serving metrics failed`. */
  readonly failed: string;
  /** What the plugin does meanwhile. */
  readonly next: string;
}

export interface RetryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Milliseconds between attempts: few at first, since an instance that ends frees its address within a second. */
const backoff = { initialMs: 500, maxMs: 30_000 };

/**
 * Tries to serve until it works, with backoff. Devices are offered without it, so a failure is a warning, logged
 * once until its cause changes.
 *
 * @returns undefined if `signal` aborted first.
 */
export async function retryListen<T>(
  { serve, failed, next }: Listening<T>,
  { clock, log, random }: RetryDeps,
  signal: AbortSignal,
): Promise<T | undefined> {
  const once = new LogOnce();
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      return await serve();
    } catch (reason) {
      const error = PluginError.from(reason);
      const delay = backoffDelay(failures, backoff, random());
      log[once.isNew(failed, error.message) ? "warn" : "debug"](failed, {
        ...error.fields(),
        retry_in_ms: delay,
        next,
      });
      await clock.sleep(delay, signal);
    }
  }
  return undefined;
}
