import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type { DriverTurn } from "./driver-queue.ts";

/** What must be known of a device before it is removed. */
export interface RemovalFacts {
  /** This process created it; what it adopted belongs to others, or to an earlier instance. */
  readonly wasCreated: boolean;
  /** It was allocated within the grace time, or the kubelet has never listed it since (an init container's). */
  readonly mayBeAllocated: boolean;
  /** The kubelet's answer of this moment; undefined if there is none. */
  readonly listed: boolean | undefined;
  readonly open: boolean | undefined;
}

/** Why a device stays; undefined if it is removed. */
export function whyKept(facts: RemovalFacts): string | undefined {
  return facts.wasCreated ? whyInUse(facts) : "this process has not created it";
}

/** Why a device may be in use. A removal can't be undone for its user, so doubt keeps it. */
function whyInUse(facts: RemovalFacts): string | undefined {
  if (facts.listed === true) return "a pod owns it";
  if (facts.mayBeAllocated)
    return "it was allocated to a pod, and nothing shows that the pod has ended";
  if (facts.open === true) return "a process holds it open";
  if (facts.listed === undefined) return "the kubelet did not say whether a pod owns it";
  return facts.open === undefined ? "it can't be known whether a process holds it open" : undefined;
}

/** How long removing all devices may take, ms; the process has 5 s to stop. */
const limitMs = 3000;

export interface RemovalDeps {
  readonly turn: Pick<DriverTurn, "remove" | "release">;
  /** Single devices can be removed. */
  readonly isSingle: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Removes the devices that may be removed, and has the driver release what it loaded if none of ours stays. Where
 * single devices can't be removed they are removed all together, or not at all. Never rejects: what can't be removed
 * stays, with the reason in the log.
 */
export async function removeDevices(
  ids: readonly string[],
  facts: (id: string) => Promise<RemovalFacts>,
  deps: RemovalDeps,
): Promise<void> {
  const { turn, isSingle, clock, log } = deps;
  const removed: string[] = [];
  const all = (async () => {
    let allGo = true;
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
        // The driver makes sure that what others created stays loaded, but not that what is in use does.
        if (found.wasCreated || (!isSingle && whyInUse(found) !== undefined)) allGo = false;
      } else if (isSingle) {
        const isGone = await remove(id, deps);
        if (isGone) removed.push(id);
        else allGo = false;
      }
    }
    if (allGo) return turn.release();
    if (!isSingle) {
      log.info("Devices kept", { detail: "here they can be removed only all together" });
    }
  })();
  try {
    await withTimeout(clock, all, limitMs, "The removal of devices");
  } catch (reason) {
    log.warn("Removal of devices failed", PluginError.from(reason).fields());
  }
  if (removed.length === 0) return;
  log.info("Devices removed", {
    device_ids: removed,
    reason: "stopping",
    next: "the next start creates them again",
  });
}

async function remove(id: string, { turn, log }: RemovalDeps): Promise<boolean> {
  try {
    await turn.remove(id);
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
