import type { DeviceObservation, DriverDevice, Fix } from "../../drivers/driver.ts";

/** What the kubelet is sent for a device; its words (k8s.io/kubelet, v1beta1 constants.go). */
export type Health = "Healthy" | "Unhealthy";

/** Why a device that works is held out of the offer; of several holds the first one in this order is shown. */
export const holdReasons = [
  "cordoned",
  "retired",
  "other_resource",
  "minor_in_use",
  "held",
  "unclean",
] as const;
export type HoldReason = (typeof holdReasons)[number];

/**
 * The reasons for a device's health that are the inventory's own. All others are the driver's.
 * - `unknown`: not inspected yet.
 * - `unobservable`: the driver has not been able to inspect for some time.
 * - `flapping`: works, but was lost too often lately to be offered at once.
 * - `cordoned`: works, but an operator has cordoned it.
 * - `retired`: works, but is no longer wanted; listed only because a pod owned it at the start.
 * - `other_resource`: works, but a pod owns it under another resource name.
 * - `minor_in_use`: works, but its device number is one that a container of another device's pod may have.
 * - `held`: works, but a process of no pod holds it open.
 * - `unclean`: works, but what its last user left could not be removed.
 */
export const inventoryReasons = ["unknown", "unobservable", "flapping", ...holdReasons] as const;

/** The holds that follow from the use of the devices: no room sets and logs them. */
export const usageHoldReasons: readonly string[] = ["other_resource", "minor_in_use"];

/** True if a device of that reason works, and is held out of the offer. */
export function isHoldReason(reason: string): reason is HoldReason {
  return holdReasons.some((known) => known === reason);
}

/** A device with its health, as every room above the devices sees it. */
export interface DeviceStatus extends DriverDevice {
  readonly health: Health;
  /** `ok`, one of {@link inventoryReasons}, or a reason of the driver's. */
  readonly reason: string;
  /** One sentence for people; empty if it is healthy. */
  readonly detail: string;
  /** What would make it work again; `none` if it works. */
  readonly fix: Fix;
  /** When this health and reason began, ms since the epoch. */
  readonly since: number;
  /** What is being streamed, as in {@link DeviceObservation}; empty if nothing is, or that isn't known. */
  readonly format: string;
  /** The signal at the device's input, as in {@link DeviceObservation}; absent if that isn't known. */
  readonly signal?: DeviceObservation["signal"];
}

/** All that decides a device's health, beside its {@link HealthMemory}. */
export interface HealthInputs {
  /** The last one; undefined before the first inspection. */
  readonly observation: DeviceObservation | undefined;
  /** What a user left in the device is no fault: its pod may still own it, or it waits to be cleaned. */
  readonly ignoresUserTraces: boolean;
  /** One sentence for each hold. */
  readonly holds: ReadonlyMap<HoldReason, string>;
}

/** The health of one device, with what has to be remembered of it. */
export interface HealthMemory
  extends Pick<DeviceStatus, "health" | "reason" | "detail" | "fix" | "since"> {
  /** Times of recent returns to Healthy, ms since the epoch, oldest first. */
  readonly recoveries: readonly number[];
  /** Since when it has been without trouble and without hold; undefined if it is not. */
  readonly okSince: number | undefined;
  /** Since when it has been faulty in a way that recreating it would fix; undefined if it is not. */
  readonly faultySince: number | undefined;
}

/** When a device that comes and goes has to prove itself. */
export interface FlapPolicy {
  /** Recoveries within the window after which a device is offered at once. */
  readonly toleratedRecoveries: number;
  /** ms */
  readonly windowMs: number;
  /** How long a flapping device must be `ok` before it is Healthy again, ms. */
  readonly holdMs: number;
}

/**
 * Three losses a minute are bad luck, more are a defect: each one costs the node a status update, and a pod that is
 * scheduled meanwhile a failed admission.
 */
export const defaultFlapPolicy: FlapPolicy = {
  toleratedRecoveries: 3,
  windowMs: 60_000,
  holdMs: 30_000,
};

/** The health of a device before its first inspection. */
export function unknownHealth(now: number): HealthMemory {
  return {
    health: "Unhealthy",
    reason: "unknown",
    detail: "It was not inspected yet.",
    fix: "none",
    since: now,
    recoveries: [],
    okSince: undefined,
    faultySince: undefined,
  };
}

/**
 * A device's health, from all that is known. Trouble counts at once; so does its end, unless the device has been
 * flapping.
 */
export function nextHealth(
  memory: HealthMemory,
  { observation, ignoresUserTraces, holds }: HealthInputs,
  now: number,
  policy: FlapPolicy,
): HealthMemory {
  if (observation === undefined) return memory;
  const isTrace = observation.fix === "reset" && ignoresUserTraces;
  if (observation.state !== "ok" && !isTrace) {
    const { state, reason, detail, fix } = observation;
    const isFaulty = state === "faulty" && fix === "recreate";
    const faultySince = isFaulty ? (memory.faultySince ?? now) : undefined;
    return settle(memory, { reason, detail, fix, okSince: undefined, faultySince }, now);
  }
  const hold = holdReasons.find((reason) => holds.has(reason));
  if (hold !== undefined) {
    return settle(memory, { reason: hold, detail: holds.get(hold) ?? "", okSince: undefined }, now);
  }
  if (memory.health === "Healthy") return memory;
  const okSince = memory.okSince ?? now;
  const recoveries = memory.recoveries.filter((at) => now - at < policy.windowMs);
  if (recoveries.length >= policy.toleratedRecoveries && now - okSince < policy.holdMs) {
    const detail = `It was lost ${recoveries.length} times within ${policy.windowMs / 1000} s, and is offered again after ${policy.holdMs / 1000} s without trouble.`;
    return settle(memory, { reason: "flapping", detail, recoveries, okSince }, now);
  }
  // Neither the first inspection of a device nor the end of a hold is a recovery: it was not lost.
  const wasLost = memory.reason !== "unknown" && !isHoldReason(memory.reason);
  const counted = wasLost ? [...recoveries, now] : recoveries;
  return settle(memory, { reason: "ok", recoveries: counted, okSince }, now);
}

function settle(
  memory: HealthMemory,
  next: Pick<HealthMemory, "reason" | "okSince"> & Partial<HealthMemory>,
  now: number,
): HealthMemory {
  const since = memory.reason === next.reason ? memory.since : now;
  const { recoveries } = memory;
  const health = next.reason === "ok" ? "Healthy" : "Unhealthy";
  return { detail: "", fix: "none", recoveries, faultySince: undefined, ...next, health, since };
}

/** When a flapping device should be inspected again, ms since the epoch; undefined if it isn't flapping. */
export function flappingUntil(memory: HealthMemory, policy: FlapPolicy): number | undefined {
  if (memory.reason !== "flapping" || memory.okSince === undefined) return undefined;
  return memory.okSince + policy.holdMs;
}
