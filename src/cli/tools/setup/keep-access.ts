import type { Clock } from "../../../common/clock.ts";
import type { EnsureReport, VideoDriver } from "../../../drivers/driver.ts";

/** How long, in ms, nodes have to keep their mode and group for udev to be done with them: it sets its own once, late. */
const QUIET_MS = 3000;

/** How long, in ms, they are given back at most: who changes them still has other reasons than a new node. */
const LIMIT_MS = 15_000;

const PAUSE_MS = 100;

/** What is said of a node that doesn't keep its mode. */
export const CONTESTED = `mode or group was changed again and again for ${LIMIT_MS / 1000} s.`;
export const CONTESTED_REMEDY =
  "Find out who changes it (udevadm monitor --property --subsystem-match=video4linux, on the host).";

/**
 * Gives nodes their mode and group back until nobody has taken them for {@link QUIET_MS}, for {@link LIMIT_MS} at most.
 * What can't be given isn't tried again.
 * @param made what the first `ensure` told.
 * @returns what failed at the last attempt, and which devices somebody was still changing at the limit.
 * @throws PluginError as the driver's `ensure`.
 */
export async function keepAccess(
  driver: Pick<VideoDriver, "ensure" | "inspect">,
  made: Pick<EnsureReport, "failed">,
  clock: Clock,
): Promise<Pick<EnsureReport, "failed"> & { readonly contested: readonly string[] }> {
  let { failed } = made;
  const limit = clock.now() + LIMIT_MS;
  for (let changed = clock.now(); clock.now() - changed < QUIET_MS; ) {
    await clock.sleep(PAUSE_MS);
    const hopeless = new Set(failed.map(({ id }) => id));
    const seen = await driver.inspect();
    const lost = seen.filter(({ id, accessLost }) => accessLost && !hopeless.has(id));
    if (lost.length === 0) continue;
    ({ failed } = await driver.ensure());
    changed = clock.now();
    if (changed >= limit) return { failed, contested: lost.map(({ id }) => id) };
  }
  return { failed, contested: [] };
}
