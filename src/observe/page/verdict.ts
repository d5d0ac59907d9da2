import { type Status, Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceKind } from "./device-state.ts";

/** The node's state in one line. */
export interface Verdict {
  /** `good`: nothing to do. `warn`: somebody should look. `bad`: pods get no devices. */
  readonly level: "good" | "warn" | "bad";
  readonly sentence: string;
}

/** What somebody in a hurry has to know; what an operator did on purpose (a cordon) is not held against the node. */
export function verdict(status: Status): Verdict {
  const { devices } = status;
  const healthy = devices.filter((device) => device.healthy).length;
  const inUse = devices.filter((device) => device.use === Use.IN_USE).length;
  const cordoned = devices.filter((device) => deviceKind(device) === "cordoned").length;
  const ailing = devices.length - healthy - cordoned;
  const parts = [
    `${healthy} of ${devices.length} ${devices.length === 1 ? "device" : "devices"} healthy`,
    `${inUse} in use`,
    ...(cordoned > 0 ? [`${cordoned} cordoned`] : []),
  ];
  const counts = parts.join(", ");
  if (status.kubelet?.registered !== true) {
    return { level: "bad", sentence: `Not registered with the kubelet. ${counts}` };
  }
  if (healthy === 0) return { level: "bad", sentence: counts };
  const calm = ailing === 0 && status.kubelet.podResourcesAnswers;
  return { level: calm ? "good" : "warn", sentence: counts };
}
