import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type { VideoDriver } from "../../drivers/driver.ts";

/** What must be known of a device before it is removed. */
export interface RemovalFacts {
  /** This process made it; what it found is somebody else's, or an earlier instance's that can't be told apart. */
  readonly made: boolean;
  /** It was given away within the grace time, or the kubelet has never listed it since (an init container's). */
  readonly given: boolean;
  /** The kubelet's answer of this moment; undefined if there is none. */
  readonly listed: boolean | undefined;
  readonly open: boolean | undefined;
}

/** Why a device stays; undefined if it goes. */
export function whyKept(facts: RemovalFacts): string | undefined {
  return facts.made ? whyInUse(facts) : "this process has not made it";
}

/** Why somebody may use a device. A removal can't be undone for whoever does, so doubt keeps it. */
function whyInUse(facts: RemovalFacts): string | undefined {
  if (facts.listed === true) return "a pod has it";
  if (facts.given) return "it was given to a pod, and nothing shows that it has ended";
  if (facts.open === true) return "somebody holds it open";
  if (facts.listed === undefined) return "the kubelet did not say whether a pod has it";
  return facts.open === undefined ? "it can't be known whether somebody holds it open" : undefined;
}

/** How long removing all devices may take, ms; the process has 5 s to stop. */
const limitMs = 3000;

export interface RemovalDeps {
  readonly driver: Pick<VideoDriver, "remove" | "release" | "capabilities">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Removes those devices that may go, and lets the driver go of what it loaded if none of ours stays. Where
 * single devices can't be removed they go all together, or not at all. Never rejects: what can't be
 * removed stays, with the reason in the log.
 */
export async function removeDevices(
  ids: readonly string[],
  facts: (id: string) => Promise<RemovalFacts>,
  deps: RemovalDeps,
): Promise<void> {
  const { driver, clock, log } = deps;
  const removed: string[] = [];
  const all = (async () => {
    let allGo = true;
    const isSingle = driver.capabilities().remove;
    for (const id of ids) {
      const found = await facts(id);
      const kept = whyKept(found);
      if (kept !== undefined) {
        log.info("Device kept", {
          device_id: id,
          reason: "not_to_be_removed",
          detail: kept,
          next: "it is left as it is",
        });
        // The driver sees to it that what others made stays loaded, and not that what is in use does.
        if (found.made || (!isSingle && whyInUse(found) !== undefined)) allGo = false;
      } else if (isSingle) {
        const isGone = await remove(id, deps);
        if (isGone) removed.push(id);
        else allGo = false;
      }
    }
    if (allGo) return driver.release();
    if (!isSingle) {
      log.info("Devices kept", { detail: "here they can be removed only all together" });
    }
  })();
  try {
    await withTimeout(clock, all, limitMs, "The removal of devices");
  } catch (reason) {
    log.warn("The removal of devices did not end well", PluginError.from(reason).fields());
  }
  log.info("Devices removed", {
    device_ids: removed,
    reason: "stopping",
    next: "the next start makes them anew",
  });
}

async function remove(id: string, { driver, log }: RemovalDeps): Promise<boolean> {
  try {
    await driver.remove(id);
    return true;
  } catch (reason) {
    log.warn("Device could not be removed", {
      device_id: id,
      ...PluginError.from(reason).fields(),
      next: "it is left as it is",
    });
    return false;
  }
}
