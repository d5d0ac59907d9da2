import type { Clock } from "./clock.ts";
import { PluginError } from "./plugin-error.ts";

/**
 * The result of `work` if it comes within `ms`. A later result or error is dropped; `work` itself goes on.
 *
 * @param what begins the error's sentence.
 * @throws PluginError `timed_out`.
 */
export async function withTimeout<T>(
  clock: Clock,
  work: Promise<T>,
  ms: number,
  what: string,
): Promise<T> {
  const limit = new AbortController();
  const late = clock.sleep(ms, limit.signal).then((): T => {
    if (limit.signal.aborted) return undefined as T;
    throw new PluginError("timed_out", `${what} took longer than ${ms / 1000} s.`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    limit.abort();
    late.catch(() => undefined);
    work.catch(() => undefined);
  }
}
