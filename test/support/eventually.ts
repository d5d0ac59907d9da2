/**
 * How long anything may take, ms: only a machine at work on other things needs so much. Half of what a test may take,
 * so that what didn't happen is named.
 */
export const patienceMs = 15_000;

const pauseMs = 5;

/**
 * Looks until `check` holds.
 *
 * @throws if it does not within `timeoutMs`, naming `what`.
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
