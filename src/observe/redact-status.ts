import { clone } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** Fields of events that hold only the plugin's own words and device IDs; any other may name a pod or a person. */
const ownFields = new Set([
  "device_id",
  "device_ids",
  "pool",
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

/** The details of devices that name a pod or a process, without its name; by reason. */
const namelessDetails: Readonly<Record<string, string>> = {
  held: "It is held open by a process of no pod that the kubelet lists.",
  other_resource: "A pod owns it under another resource name.",
  minor_in_use: "A pod of another device may still have its device number.",
};

/**
 * Removes what METRICS_OWNERS=false withholds from clients of the HTTP port: owners, names of pods and processes in details, notes of cordons, and the fields
 * of events that are not the plugin's own words, the options in "Starting" among them.
 */
export function redactStatus(status: Status): Status {
  const redacted = clone(StatusSchema, status);
  for (const device of redacted.devices) {
    delete device.owner;
    device.detail = namelessDetails[device.reason] ?? device.detail;
    if (device.cordon) device.cordon.note = "";
  }
  for (const event of redacted.events) {
    event.fields = Object.fromEntries(
      Object.entries(event.fields).filter(([name]) => ownFields.has(name)),
    );
  }
  return redacted;
}
