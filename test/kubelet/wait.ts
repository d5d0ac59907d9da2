/** How often a condition is checked, in ms: short against a kubelet's 1 s loops, long against the CPU. */
const interval = 100;

/**
 * Resolves with the first answer of `probe` that is not undefined. A probe that throws has no answer yet;
 * what it threw last is the cause of the error when `timeoutMs` are over.
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
      cause = undefined;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      cause = error;
    }
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${timeoutMs / 1000} s`, { cause });
    }
    await Bun.sleep(interval);
  }
}

/** Resolves when `is` says so, like {@link waitFor}. */
export async function waitUntil(
  what: string,
  timeoutMs: number,
  is: () => Promise<boolean>,
): Promise<void> {
  await waitFor(what, timeoutMs, async () => ((await is()) ? true : undefined));
}

/** Thrown by a probe that knows that waiting is in vain. */
export class GiveUp extends Error {
  override name = "GiveUp";
}
