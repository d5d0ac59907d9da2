import type { Clock } from "../../common/clock.ts";
import type { EnsureReport, VideoDriver } from "../../drivers/driver.ts";

/** Time, in ms, for which nodes must keep mode and group: udev sets its own once, late. */
const quietMs = 3000;

/** Longest time, in ms, for which mode and group are restored: later changes have another cause than a new node. */
const limitMs = 15_000;

const pauseMs = 100;

/** Why a node is contested. */
export const contestedDetail = `another program kept changing mode or group for ${limitMs / 1000} s.`;
export const contestedRemedy =
  "Find that program (udevadm monitor --property --subsystem-match=video4linux, on the host).";

/**
 * Restores mode and group of nodes until they have kept them for {@link quietMs}, and for {@link limitMs} at most. A
 * node that can't get them isn't tried again.
 *
 * @param made Report of the first `ensure`.
 * @returns what failed at the last attempt, and the devices that were still changing at the limit.
 * @throws PluginError as the driver's `ensure`.
 */
export async function keepAccess(
  driver: Pick<VideoDriver, "ensure" | "inspect">,
  made: Pick<EnsureReport, "failed">,
  clock: Clock,
): Promise<Pick<EnsureReport, "failed"> & { readonly contested: readonly string[] }> {
  let { failed } = made;
  const limit = clock.now() + limitMs;
  for (let changed = clock.now(); clock.now() - changed < quietMs; ) {
    await clock.sleep(pauseMs);
    const failing = new Set(failed.map(({ id }) => id));
    const observed = await driver.inspect();
    const lost = observed.filter(({ id, accessLost }) => accessLost && !failing.has(id));
    if (lost.length === 0) continue;
    ({ failed } = await driver.ensure());
    changed = clock.now();
    if (changed >= limit) return { failed, contested: lost.map(({ id }) => id) };
  }
  return { failed, contested: [] };
}
