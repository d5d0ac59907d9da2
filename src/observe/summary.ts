import { type Device, type Status, Use } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { poolViews } from "./pool-views.ts";

/** A node's state in one line, for the status page and the CLI alike. */
export interface Summary {
  /** `good`: nothing to do. `warn`: an operator should look. `bad`: pods get no devices. */
  readonly level: "good" | "warn" | "bad";
  readonly sentence: string;
}

const levels = ["good", "warn", "bad"] as const;

/**
 * Sums up a status. What an operator wanted (a cordon, fewer devices) does not lower the level. Of several pools the worst
 * level counts, and the sentence names those with another one than `good`.
 */
export function summarise(status: Status): Summary {
  const views = poolViews(status);
  // A process stands by with all pools.
  if (views.length === 1 || status.kubelet?.reason === "standby") {
    const { level, trouble, counts } = stateOf(status);
    return { level, sentence: trouble === undefined ? counts : `${trouble}. ${counts}` };
  }
  const states = views.map((view) => ({ name: view.name, ...stateOf(view.status) }));
  const worst = Math.max(...states.map(({ level }) => levels.indexOf(level)));
  const troubled = states.filter(({ level }) => level !== "good");
  const byTrouble = Map.groupBy(
    troubled,
    ({ trouble, counts }) => trouble?.toLowerCase() ?? counts,
  );
  const parts = [...byTrouble].map(([trouble, pools]) => {
    return `${pools.map(({ name }) => name).join(", ")}: ${trouble}`;
  });
  return { level: levels[worst] ?? "bad", sentence: [countsOf(status), ...parts].join("; ") };
}

interface PoolState extends Pick<Summary, "level"> {
  /** What concerns more than single devices. */
  readonly trouble?: string;
  /** How many devices there are, and how they are. */
  readonly counts: string;
}

/** A pool without any device is fine, as one of cameras that are not plugged in, unless devices could not be set up. */
function stateOf(status: Status): PoolState {
  const { devices, kubelet, otherOffers, relay, devicesDetail } = status;
  const counts = countsOf(status);
  // A standby relays nothing: the other instance does.
  const isRelayDown = relay !== undefined && !relay.running;
  if (kubelet?.reason === "standby") {
    // There is a detail if it lasts longer than an update.
    const level = kubelet.detail === "" ? "good" : "warn";
    return { level, trouble: "Standing by for another instance", counts };
  }
  if (kubelet?.registered !== true) {
    return { level: "bad", trouble: "Not registered with the kubelet", counts };
  }
  const isFaulty = devices.some(needsAttention);
  if (!devices.some(({ healthy }) => healthy) && (isFaulty || devicesDetail !== "")) {
    return { level: "bad", counts };
  }
  if (isRelayDown) {
    return { level: "warn", trouble: "The relay of ready cameras does not run", counts };
  }
  const isGood = !isFaulty && kubelet.podResourcesAnswers && otherOffers.length === 0;
  return { level: isGood ? "good" : "warn", counts };
}

function countsOf({ devices }: Status): string {
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
  return parts.join(", ");
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
