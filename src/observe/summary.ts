import { type Device, type Status, Use } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** A node's state in one line, for the status page and the CLI alike. */
export interface Summary {
  /** `good`: nothing to do. `warn`: an operator should look. `bad`: pods get no devices. */
  readonly level: "good" | "warn" | "bad";
  readonly sentence: string;
}

/** Sums up a status. What an operator wanted (a cordon, fewer devices) does not lower the level. */
export function summarise({ devices, kubelet, otherOffers, relay }: Status): Summary {
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
  // A standby relays nothing: the other instance does.
  const isRelayDown = relay !== undefined && !relay.running;
  if (kubelet?.reason === "standby") {
    // There is a detail if it lasts longer than an update.
    const level = kubelet.detail === "" ? "good" : "warn";
    return { level, sentence: `Standing by for another instance. ${counts}` };
  }
  if (kubelet?.registered !== true) {
    return { level: "bad", sentence: `Not registered with the kubelet. ${counts}` };
  }
  const isFaulty = devices.some(needsAttention);
  if (healthy === 0 && (isFaulty || devices.length === 0)) {
    return { level: "bad", sentence: counts };
  }
  if (isRelayDown) {
    return { level: "warn", sentence: `The relay of ready cameras does not run. ${counts}` };
  }
  const isGood = !isFaulty && kubelet.podResourcesAnswers && otherOffers.length === 0;
  return { level: isGood ? "good" : "warn", sentence: counts };
}

/** True if a device is unhealthy and no operator has cordoned or retired it. */
export function needsAttention({ healthy, reason, cordon }: Device): boolean {
  return !healthy && reason !== "retired" && cordon === undefined;
}

/** One sentence for each other plugin that offers the same devices, for the status page and the CLI alike. */
export function otherOfferSentences({ otherOffers }: Status): string[] {
  return otherOffers.map(
    ({ resourceName, deviceIds }) =>
      `Another plugin offers ${deviceIds.join(", ")} as well, under the resource name ${resourceName}.`,
  );
}
