import type { CameraPool } from "../../config/pool-config.ts";
import type { CameraNode } from "../../drivers/camera/index.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import { describeKind, describeTrouble } from "../devices/describe-camera.ts";
import { printable } from "../tools/table.ts";
import { type Check, checkNamed } from "./check.ts";
import type { PoolsFacts } from "./pools-facts.ts";

/** Checks which devices a pool of real devices has, what is wrong with them, and why it has none of the others. */
export function examineCameraPool(
  { name, expect }: Pick<CameraPool, "name" | "expect">,
  { cameras, places }: Pick<PoolsFacts, "cameras" | "places">,
): Check {
  const check = checkNamed("devices", "devices");
  const own = cameras.filter(({ id }) => places.get(id)?.pool === name);
  const others = cameras.flatMap(({ id }) => {
    const { pool = null, mismatches } = places.get(id) ?? {};
    if (pool === name) return [];
    const why = pool === null ? mismatches?.get(name) : `it is in the pool ${pool}`;
    return [`${id} (${why})`];
  });
  const has =
    own.length === 0 ? "no device of the pool is plugged in" : own.map(describe).join(", ");
  const detail = printable(`${has}${others.length === 0 ? "" : `; not ${others.join(", ")}`}`);
  const troubles = own.flatMap(({ nodes }) => nodes.map(describeTrouble)).filter((text) => text);
  if (troubles.length > 0) {
    return check.warning(detail, printable(troubles.join(" ")));
  }
  if (own.length < Math.max(expect, 1)) {
    const wanted = expect > 1 ? `${expect - own.length} more` : "a device";
    return check.warning(
      detail,
      `Plug ${wanted} in, or change devices.select: video-device-plugin devices shows what there is to match.`,
    );
  }
  return check.ok(detail);
}

/** `usb-046d-0825-A "Webcam C270" (camera: video0 video1)` */
function describe(camera: PhysicalDevice<CameraNode>): string {
  const nodes = camera.nodes.map(({ number }) => deviceId(number)).join(" ");
  return `${camera.id} "${camera.nodes[0]?.name ?? ""}" (${describeKind(camera)}: ${nodes})`;
}
