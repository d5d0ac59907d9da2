import { clone } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** Fields of events that name devices and say what became of them, in words of ours; all others may name somebody. */
const ownFields = new Set([
  "device_id",
  "device_ids",
  "health",
  "reason",
  "was",
  "error_code",
  "retry_in_ms",
  "duration_ms",
  "lived_ms",
  "count",
  "next",
]);

/**
 * The status as it may be told to whoever reaches the port where pods shall not be named (METRICS_OWNERS): without
 * owners, without what operators noted, and of events only what is ours. The options, in the event of the start, go too.
 */
export function redactStatus(status: Status): Status {
  const discreet = clone(StatusSchema, status);
  for (const device of discreet.devices) {
    delete device.owner;
    if (device.cordon) device.cordon.note = "";
  }
  for (const event of discreet.events) {
    event.fields = Object.fromEntries(
      Object.entries(event.fields).filter(([name]) => ownFields.has(name)),
    );
  }
  return discreet;
}
