import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { formatMode, type NodeAccess } from "../v4l2/node-access.ts";
import type { DeviceObservation, DriverDevice, VideoDriver } from "./driver.ts";
import { findDevice } from "./driver-devices.ts";

export interface ReadOnlyDeps {
  readonly log: Logger;
  /** Mode and group that the nodes should have. */
  readonly access: NodeAccess;
}

/** What helps where another process has to create the devices. */
const remedy =
  'Create the devices with "video-device-plugin setup" (delete the pod, so that its init container runs again), or set MANAGE_DEVICES=true in a privileged container.';

/**
 * `driver` for a process that must not change devices (MANAGE_DEVICES=false): observing is passed on, changes are
 * refused with `not_managed` (`ensure`, for devices that are missing) or `not_supported`. So no device can be cleaned
 * between pods, and no fault is fixed. A device whose mode or group was changed works for those who may open it:
 * that is only logged.
 *
 * Observing may write as well: to learn whether a device is open, the loopback driver limits its openers for a
 * moment. With `readOnly` in its settings it doesn't, and mostly can't know.
 */
export function readOnlyDriver(driver: VideoDriver, deps: ReadOnlyDeps): VideoDriver {
  const lostAccess = new LostAccess(deps);
  let original = driver.devices;
  let devices = uncleaned(original);
  const refuse = async (what: string, id: string): Promise<never> => {
    findDevice(driver.devices, id);
    const message = `${id} is not ${what}: MANAGE_DEVICES is false.`;
    throw new PluginError("not_supported", message, { remedy });
  };
  return {
    name: driver.name,
    reasons: driver.reasons,
    get devices() {
      if (driver.devices !== original) {
        original = driver.devices;
        devices = uncleaned(original);
      }
      return devices;
    },
    async ensure() {
      const seen = await driver.inspect();
      const adopted = seen.filter(({ state }) => state === "ok").map(({ id }) => id);
      const failed = seen
        .filter(({ state }) => state !== "ok")
        .map(({ id, detail }) => ({ id, error: notManaged(detail) }));
      const reasons = new Set(failed.map(({ error }) => error.message));
      const [first] = failed;
      // The module is missing, not each device.
      if (first && adopted.length === 0 && reasons.size === 1) throw first.error;
      return { created: [], adopted, failed };
    },
    async inspect(options) {
      const seen = await driver.inspect(options);
      lostAccess.log(seen);
      return seen.map(({ accessLost: _, ...observation }) => ({
        ...observation,
        // `ensure` explains why nothing is created.
        fix: observation.fix === "recreate" ? "recreate" : "none",
      }));
    },
    describe: () => driver.describe(),
    relay: () => driver.relay(),
    capabilities: () => ({ remove: false }),
    canFix: () => false,
    reset: (id) => refuse("reset", id),
    repair: (id) => refuse("repaired", id),
    remove: (id) => refuse("removed", id),
    release: async () => undefined,
    leave: (options) => driver.leave(options),
    isOpen: (id) => driver.isOpen(id),
    confirm: async (id) => driver.confirm?.(id),
    holders: (ids) => driver.holders(ids),
    watch: (notify, signal) => driver.watch(notify, signal),
  };
}

function uncleaned(devices: readonly DriverDevice[]): readonly DriverDevice[] {
  return devices.map((device) => ({ ...device, cleaning: "unavailable" }));
}

function notManaged(detail: string): PluginError {
  const message = `${detail} This process creates no devices: MANAGE_DEVICES is false.`;
  return new PluginError("not_managed", message, { remedy });
}

/** Logs which nodes have lost their mode or group, and which got them back: once for each change. */
class LostAccess {
  readonly #deps: ReadOnlyDeps;
  #lost: readonly string[] = [];

  constructor(deps: ReadOnlyDeps) {
    this.#deps = deps;
  }

  log(seen: readonly DeviceObservation[]): void {
    const { log, access } = this.#deps;
    const before = this.#lost;
    this.#lost = seen.filter(({ accessLost }) => accessLost).map(({ id }) => id);
    const newly = this.#lost.filter((id) => !before.includes(id));
    const back = before.filter((id) => !this.#lost.includes(id));
    if (back.length > 0) {
      log.info("Device nodes got their mode and group back", { device_ids: back });
    }
    if (newly.length === 0) return;
    log.warn("Device nodes have lost their mode or group: new pods may not be able to open them", {
      device_ids: newly,
      mode: formatMode(access.mode),
      ...(access.group !== undefined && { group: access.group }),
      detail:
        "most likely udev has set its own, and this process must not change them: MANAGE_DEVICES is false",
      udev_rule: udevRule(
        seen.map(({ id }) => id),
        access,
      ),
      remedy:
        "Write udev_rule to /etc/udev/rules.d/90-video-device-plugin.rules on the host, then: udevadm control --reload && udevadm trigger --subsystem-match=video4linux. Or set V4L2_DEVICE_PERM and V4L2_DEVICE_GROUP to udev's own (often 0660 and the group video), and name the group in the supplementalGroups of pods.",
    });
  }
}

/** A line for udev(7) that sets mode and group of these nodes. */
export function udevRule(ids: readonly string[], { mode, group }: NodeAccess): string {
  const parts = [
    `SUBSYSTEM=="video4linux", KERNEL=="${ids.join("|")}"`,
    `MODE="${formatMode(mode)}"`,
    ...(group === undefined ? [] : [`GROUP="${group}"`]),
  ];
  return parts.join(", ");
}
