import type { Registry } from "prom-client";
import type { RegistrationEnd } from "../../device-plugin/registrar.ts";
import type { MaintenanceResult } from "../../devices/maintenance/run-maintenance.ts";
import type { PodResourcesFailure, PodResourcesMethod } from "../../pod-resources/pod-resources.ts";
import { counter, histogram, type PoolLabels } from "./make-metrics.ts";

/** Allocate answers from memory, so its buckets start at 50 µs; with a reset it may take 2 s. Seconds. */
const allocateBuckets = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5,
];
/** A reset takes 50 ms with a control device, seconds on a busy node, and fails after 10 s. */
const resetBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const inspectionBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1];

const results: readonly MaintenanceResult[] = ["ok", "busy", "failed"];
const methods: readonly PodResourcesMethod[] = ["List", "GetAllocatableResources"];
const failures: readonly PodResourcesFailure[] = ["absent", "busy", "too_large", "failed"];
/** Codes of refused Allocate and PreStartContainer calls; any other is a defect. */
const refusals = ["unavailable", "failed_precondition", "not_found"];
/** Why a registration can end. */
const ends: readonly RegistrationEnd[] = [
  "stream_ended",
  "stream_missing",
  "kubelet_replaced",
  "not_listed",
  "socket_lost",
  "stopping",
];

/** Whose events are counted. */
export interface PoolEvents {
  readonly labels: PoolLabels;
  /** IDs of the pool's devices. */
  readonly deviceIds: readonly string[];
}

/** Adds the counters and histograms of each pool's events. */
export function eventMetrics(registry: Registry, pools: readonly PoolEvents[]) {
  const result = results;
  const labels = pools.map((pool) => pool.labels);
  const perPool = <T extends string>(
    name: string,
    help: string,
    values: (pool: PoolEvents) => { readonly [label in T]: readonly string[] },
  ) => {
    const series = pools.map((pool) => ({ ...listed(pool.labels), ...values(pool) }));
    return counter<T | "resource">(registry, name, help, ...series);
  };
  const timed = (name: string, help: string, buckets: readonly number[]) =>
    histogram(registry, name, help, buckets, labels);
  const ofDevices = ({ deviceIds: device }: PoolEvents) => ({ device, result });
  return {
    reset: perPool("resets_total", "Resets of a device, by result.", ofDevices),
    repair: perPool("repairs_total", "Repairs of a device in place, by result.", ofDevices),
    resetDuration: timed(
      "reset_duration_seconds",
      "Duration of a reset that was carried out, successful or not.",
      resetBuckets,
    ),
    allocateDuration: timed(
      "allocate_duration_seconds",
      "Time the plugin took to answer Allocate.",
      allocateBuckets,
    ),
    allocated: perPool("allocated_devices_total", "Devices allocated to containers.", () => ({})),
    refused: perPool(
      "allocations_refused_total",
      "Allocate and PreStartContainer calls refused, by gRPC status code.",
      () => ({ code: refusals }),
    ),
    registrations: perPool("registrations_total", "Register calls, by result.", () => ({
      result: ["accepted", "failed"],
    })),
    ended: perPool("registrations_ended_total", "Registrations that ended, by reason.", () => ({
      reason: ends,
    })),
    inspectionDuration: timed(
      "inspection_duration_seconds",
      "Duration of one inspection of all devices.",
      inspectionBuckets,
    ),
    podResourcesErrors: counter(
      registry,
      "pod_resources_errors_total",
      "Failed calls of the kubelet's pod-resources API, by method and reason.",
      { method: methods, reason: failures },
    ),
    restarts: counter<"actor" | "resource">(
      registry,
      "actor_restarts_total",
      "Restarts of a part of the program after an unexpected error.",
      { actor: [], resource: [] },
    ),
  };
}

/** Labels as lists of their only values. */
function listed({ resource }: PoolLabels): { readonly resource?: readonly string[] } {
  return resource === undefined ? {} : { resource: [resource] };
}
