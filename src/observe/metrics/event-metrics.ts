import type { Registry } from "prom-client";
import type { RegistrationEnd } from "../../device-plugin/registrar.ts";
import type { MaintenanceResult } from "../../devices/maintenance/run-maintenance.ts";
import type { PodResourcesFailure, PodResourcesMethod } from "../../pod-resources/pod-resources.ts";
import { counter, histogram } from "./make-metrics.ts";

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

/** Adds the counters and histograms of events. @param device all device IDs. */
export function eventMetrics(registry: Registry, device: readonly string[]) {
  const result = results;
  return {
    reset: counter(registry, "resets_total", "Resets of a device, by result.", { device, result }),
    repair: counter(registry, "repairs_total", "Repairs of a device in place, by result.", {
      device,
      result,
    }),
    resetDuration: histogram(
      registry,
      "reset_duration_seconds",
      "Duration of a reset that was carried out, successful or not.",
      resetBuckets,
    ),
    allocateDuration: histogram(
      registry,
      "allocate_duration_seconds",
      "Time the plugin took to answer Allocate.",
      allocateBuckets,
    ),
    allocated: counter(registry, "allocated_devices_total", "Devices allocated to containers.", {}),
    refused: counter(
      registry,
      "allocations_refused_total",
      "Allocate and PreStartContainer calls refused, by gRPC status code.",
      { code: refusals },
    ),
    registrations: counter(registry, "registrations_total", "Register calls, by result.", {
      result: ["accepted", "failed"],
    }),
    ended: counter(registry, "registrations_ended_total", "Registrations that ended, by reason.", {
      reason: ends,
    }),
    inspectionDuration: histogram(
      registry,
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
    restarts: counter(
      registry,
      "actor_restarts_total",
      "Restarts of a part of the program after an unexpected error.",
      { actor: [] },
    ),
  };
}
