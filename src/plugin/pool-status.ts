import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Config } from "../config/config.ts";
import type { CareStatus } from "../devices/caretaker.ts";
import type { DeviceStatus } from "../devices/health.ts";
import { type Status, StatusSchema, Use } from "../gen/videodevice/admin/v1/admin_pb.ts";

const uses = { in_use: Use.IN_USE, free: Use.FREE, unknown: Use.UNSPECIFIED } as const;

/** What the pool and the caretaker know, as a status. */
export function poolStatus(
  config: Pick<Config, "nodeName" | "resourceName">,
  version: string,
  devices: readonly DeviceStatus[],
  care: readonly CareStatus[],
): Status {
  const cares = new Map(care.map((status) => [status.id, status]));
  return create(StatusSchema, {
    observedAt: timestampFromMs(Date.now()),
    version,
    nodeName: config.nodeName,
    resourceName: config.resourceName,
    devices: devices.map(({ id, health, reason, detail, since, number }) => ({
      id,
      number,
      healthy: health === "Healthy",
      reason,
      detail,
      since: timestampFromMs(since),
      use: uses[cares.get(id)?.use ?? "unknown"],
      clean: cares.get(id)?.cleanliness === "clean",
    })),
  });
}
