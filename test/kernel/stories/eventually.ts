import { setTimeout as after } from "node:timers/promises";

/** How long anything may take in a VM, ms: it is emulated, maybe on a busy machine. */
export const PATIENCE_MS = 120_000;
const PAUSE_MS = 50;

/** Resolves to what `attempt` gives once it neither throws nor gives undefined or false. */
export async function eventually<T>(
  what: string,
  attempt: () => T | Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + patienceMs;
  let last: unknown;
  do {
    try {
      const result = await attempt();
      if (result !== undefined && result !== null && result !== false) return result;
      last = result;
    } catch (error) {
      last = error;
    }
    await after(PAUSE_MS);
  } while (performance.now() < deadline);
  throw new Error(`${what}: not within ${patienceMs / 1000} s; last: ${String(last)}`);
}
