import type { DeviceObservation, DeviceState, DriverDevice } from "../../drivers/driver.ts";

/** What the kubelet is told of a device; its words (k8s.io/kubelet, v1beta1 constants.go). */
export type Health = "Healthy" | "Unhealthy";

/**
 * Why a device has its health: the driver's state, or one of the pool's own:
 * - `unknown`: not inspected yet.
 * - `unobservable`: the driver has not been able to look for some time.
 * - `flapping`: looks fine, but was lost too often lately to be offered at once.
 * - `unclean`: looks fine, but can't be rid of what its last user left.
 * - `retired`: looks fine, but is no longer wanted; listed only because a pod still had it.
 * - `cordoned`: looks fine, but an operator has taken it out of the offer.
 */
export type HealthReason = DeviceState | HoldReason | "unknown" | "unobservable" | "flapping";

/** Why a device that looks fine isn't offered; of several the first one here is shown. */
export const holdReasons = ["cordoned", "retired", "unclean"] as const;
export type HoldReason = (typeof holdReasons)[number];

/** Whether a device of that reason looks fine, and is held out of the offer. */
export function isHoldReason(reason: HealthReason): reason is HoldReason {
  return holdReasons.some((known) => known === reason);
}

/** What is to be judged: a driver's observation, or that there is none. */
export interface Sight extends Omit<DeviceObservation, "state"> {
  readonly state: DeviceState | "unobservable";
}

/** A device with its health, as everybody above the pool sees it. */
export interface DeviceStatus extends DriverDevice {
  readonly health: Health;
  readonly reason: HealthReason;
  /** One sentence for people; empty if all is well. */
  readonly detail: string;
  /** When this health and reason began, ms since the epoch. */
  readonly since: number;
  /** What is being streamed, as in {@link DeviceObservation}; empty if nothing is, or that isn't known. */
  readonly format: string;
}

/** What is remembered of one device between inspections. */
export interface HealthRecord {
  readonly health: Health;
  readonly reason: HealthReason;
  readonly detail: string;
  readonly since: number;
  /** Times of recent returns to Healthy, ms since the epoch, oldest first. */
  readonly recoveries: readonly number[];
  /** Since when every inspection has seen the device `ok`; undefined if the last one did not. */
  readonly okSince: number | undefined;
}

/** When a device that comes and goes has to prove itself. */
export interface FlapPolicy {
  /** Recoveries within the window that are believed at once. */
  readonly toleratedRecoveries: number;
  /** ms */
  readonly windowMs: number;
  /** How long a flapping device must be seen `ok` before it is Healthy again, ms. */
  readonly holdMs: number;
}

/**
 * Three losses a minute are bad luck, more are a defect: each one costs the node a status update and
 * whoever is scheduled meanwhile a failed admission.
 */
export const defaultFlapPolicy: FlapPolicy = {
  toleratedRecoveries: 3,
  windowMs: 60_000,
  holdMs: 30_000,
};

/** The record of a device that nobody has looked at yet. */
export function unknownRecord(now: number): HealthRecord {
  return {
    health: "Unhealthy",
    reason: "unknown",
    detail: "It was not inspected yet.",
    since: now,
    recoveries: [],
    okSince: undefined,
  };
}

/**
 * The record after one more inspection. Bad news counts at once; good news counts at once as well,
 * unless the device has been flapping.
 */
export function judge(
  record: HealthRecord,
  observation: { readonly state: Sight["state"] | HoldReason; readonly detail: string },
  now: number,
  policy: FlapPolicy,
): HealthRecord {
  if (observation.state !== "ok") {
    return settle(record, "Unhealthy", observation.state, observation.detail, now, {
      recoveries: record.recoveries,
      okSince: undefined,
    });
  }
  if (record.health === "Healthy") return record;

  const okSince = record.okSince ?? now;
  const recoveries = record.recoveries.filter((at) => now - at < policy.windowMs);
  const flapping = recoveries.length >= policy.toleratedRecoveries;
  if (flapping && now - okSince < policy.holdMs) {
    const detail = `It was lost ${recoveries.length} times within ${policy.windowMs / 1000} s, and counts again after ${policy.holdMs / 1000} s without trouble.`;
    return settle(record, "Unhealthy", "flapping", detail, now, { recoveries, okSince });
  }
  // Neither the first sight of a device nor the end of a hold is a recovery: it was not lost.
  const wasLost = record.reason !== "unknown" && !isHoldReason(record.reason);
  const counted = wasLost ? [...recoveries, now] : recoveries;
  return settle(record, "Healthy", "ok", "", now, { recoveries: counted, okSince });
}

function settle(
  record: HealthRecord,
  health: Health,
  reason: HealthReason,
  detail: string,
  now: number,
  memory: Pick<HealthRecord, "recoveries" | "okSince">,
): HealthRecord {
  const same = record.health === health && record.reason === reason;
  return { health, reason, detail, since: same ? record.since : now, ...memory };
}

/** When a held device should be looked at again, ms since the epoch; undefined if it isn't held. */
export function reviewAt(record: HealthRecord, policy: FlapPolicy): number | undefined {
  if (record.reason !== "flapping" || record.okSince === undefined) return undefined;
  return record.okSince + policy.holdMs;
}
