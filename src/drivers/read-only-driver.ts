import { PluginError } from "../common/plugin-error.ts";
import { AccessDrift, type AccessDriftDeps } from "./access-drift.ts";
import type { VideoDriver } from "./driver.ts";

/** What helps where somebody else has to make the devices. */
const REMEDY =
  'Make the devices with "video-device-plugin setup" (delete the pod, so that its init container runs again), or set MANAGE_DEVICES=true in a privileged container.';

function notManaged(detail: string): PluginError {
  const message = `${detail} This process makes no devices: MANAGE_DEVICES is false.`;
  return new PluginError("not_managed", message, { remedy: REMEDY });
}

/**
 * `driver` for a process that may do nothing to devices: what looks is passed on, what changes anything is
 * refused with `not_managed` (`ensure`, for what isn't there) or `not_supported`. So no
 * device is ever known to be clean, and none is cleaned between pods.
 *
 * A mode or group that somebody changed can't be given back either, so it is told and no more is made of it: the
 * device works, for those who may open it.
 *
 * Looking may still write: to learn whether somebody has a device open, the loopback driver sets a limit of its
 * openers for a moment. On a {@link readOnlyKernel} it doesn't, and the answer is that it can't be known.
 */
export function readOnlyDriver(driver: VideoDriver, deps: AccessDriftDeps): VideoDriver {
  const lostAccess = new AccessDrift(deps);
  const refuse = async (what: string, id: string): Promise<never> => {
    if (!driver.devices.some((device) => device.id === id)) {
      throw new PluginError("device_unknown", `${id} is none of this driver's devices.`);
    }
    throw new PluginError("not_supported", `${id} is not ${what}: MANAGE_DEVICES is false.`, {
      remedy: REMEDY,
    });
  };
  return {
    name: driver.name,
    reasons: driver.reasons,
    devices: driver.devices.map((device) => ({ ...device, cleaning: "unavailable" as const })),
    async ensure() {
      const seen = await driver.inspect();
      const there = seen.filter(({ state }) => state === "ok");
      const failed = seen
        .filter(({ state }) => state !== "ok")
        .map(({ id, detail }) => ({ id, error: notManaged(detail) }));
      const reasons = new Set(failed.map(({ error }) => error.message));
      const [first] = failed;
      // The module is what is missing, not each device.
      if (first && there.length === 0 && reasons.size === 1) throw first.error;
      return { created: [], adopted: there.map(({ id }) => id), failed };
    },
    async inspect() {
      const seen = await driver.inspect();
      lostAccess.tell(seen);
      return seen.map(({ accessLost: _, ...observation }) => ({
        ...observation,
        // `ensure` explains why nothing is created.
        fix: observation.fix === "recreate" ? "recreate" : "none",
      }));
    },
    describe: () => driver.describe(),
    capabilities: () => ({ remove: false }),
    reset: (id) => refuse("reset", id),
    repair: (id) => refuse("repaired", id),
    remove: (id) => refuse("removed", id),
    release: async () => undefined,
    isOpen: (id) => driver.isOpen(id),
    watch: (notify, signal) => driver.watch(notify, signal),
  };
}
