import { type Device, type Status, Use } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** The node's state in one line, for the page and the CLI alike. */
export interface Verdict {
  /** `good`: nothing to do. `warn`: somebody should look. `bad`: pods get no devices. */
  readonly level: "good" | "warn" | "bad";
  readonly sentence: string;
}

/**
 * What somebody in a hurry has to know. What an operator has wanted (a cordon, fewer devices) is not held against the
 * node.
 */
export function verdict({ devices, kubelet }: Status): Verdict {
  const healthy = devices.filter((device) => device.healthy).length;
  const inUse = devices.filter((device) => device.use === Use.IN_USE).length;
  const cordoned = devices.filter(({ cordon }) => cordon !== undefined).length;
  const retired = devices.filter(({ reason }) => reason === "retired").length;
  const parts = [
    `${healthy} of ${devices.length} ${devices.length === 1 ? "device" : "devices"} healthy`,
    `${inUse} in use`,
    ...(cordoned > 0 ? [`${cordoned} cordoned`] : []),
    ...(retired > 0 ? [`${retired} retired`] : []),
  ];
  const counts = parts.join(", ");
  if (kubelet?.registered !== true) {
    return { level: "bad", sentence: `Not registered with the kubelet. ${counts}` };
  }
  const ails = devices.some(isAilment);
  if (healthy === 0 && (ails || devices.length === 0)) return { level: "bad", sentence: counts };
  return { level: ails || !kubelet.podResourcesAnswers ? "warn" : "good", sentence: counts };
}

/** Not offered as healthy, and not because an operator wanted it so: a lost one that is cordoned is known to somebody. */
export function isAilment({ healthy, reason, cordon }: Device): boolean {
  return !healthy && reason !== "retired" && cordon === undefined;
}
