/**
 * Longest wait in milliseconds, which only a busy machine needs. It is half of a test's time limit, so that the error
 * names the missing event.
 */
export const patienceMs = 15_000;

const pauseMs = 5;

/**
 * Calls `check` until it holds.
 *
 * @throws Error that names `what` if it doesn't hold within `timeoutMs`.
 */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = patienceMs,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(pauseMs);
  }
}
