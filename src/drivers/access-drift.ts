import type { Logger } from "../common/logger.ts";
import { formatMode, type NodeAccess } from "../v4l2/node-access.ts";
import type { DeviceObservation } from "./driver.ts";

export interface AccessDriftDeps {
  readonly log: Logger;
  /** What the nodes should have. */
  readonly access: NodeAccess;
}

/** Tells of nodes whose mode or group was changed, for who can't give them back: once for each change. */
export class AccessDrift {
  private readonly log: Logger;
  private readonly access: NodeAccess;
  private lost: readonly string[] = [];

  constructor({ log, access }: AccessDriftDeps) {
    this.log = log;
    this.access = access;
  }

  /** Told what was seen of every device. */
  tell(seen: readonly Pick<DeviceObservation, "id" | "accessLost">[]): void {
    const before = this.lost;
    this.lost = seen.filter(({ accessLost }) => accessLost).map(({ id }) => id);
    const newly = this.lost.filter((id) => !before.includes(id));
    const back = before.filter((id) => !this.lost.includes(id));
    if (back.length > 0) {
      this.log.info("device nodes have their mode and group back", { device_ids: back });
    }
    if (newly.length === 0) return;
    const { mode, group } = this.access;
    this.log.warn(
      "Device nodes have lost their mode or group: new pods may not be allowed to open them",
      {
        device_ids: newly,
        mode: formatMode(mode),
        ...(group !== undefined && { group }),
        detail:
          "udev, most likely, has given them its own, and this process may not change them: MANAGE_DEVICES is false",
        udev_rule: udevRule(
          seen.map(({ id }) => id),
          this.access,
        ),
        remedy:
          "Write udev_rule to /etc/udev/rules.d/90-video-device-plugin.rules on the host, then: udevadm control --reload && udevadm trigger --subsystem-match=video4linux. Or set V4L2_DEVICE_PERM and V4L2_DEVICE_GROUP to udev's own (often 0660 and the group video), and name the group in the supplementalGroups of pods.",
      },
    );
  }
}

/** A line for udev that gives these nodes what they should have (udev(7)). */
export function udevRule(ids: readonly string[], { mode, group }: NodeAccess): string {
  const parts = [
    `SUBSYSTEM=="video4linux", KERNEL=="${ids.join("|")}"`,
    `MODE="${formatMode(mode)}"`,
    ...(group === undefined ? [] : [`GROUP="${group}"`]),
  ];
  return parts.join(", ");
}
