import type { RegistrationEnd } from "../device-plugin/registrar.ts";
import type { MaintenanceResult } from "../devices/maintenance/run-maintenance.ts";
import type { PodResourcesFailure, PodResourcesMethod } from "../pod-resources/pod-resources.ts";
import type { eventMetrics } from "./metrics/event-metrics.ts";
import type { PoolLabels } from "./metrics/make-metrics.ts";

/** Counts the events of one pool, from the start on. */
export class PoolMetrics {
  readonly #events: ReturnType<typeof eventMetrics>;
  readonly #labels: PoolLabels;
  #inspectedAt = 0;

  constructor(events: ReturnType<typeof eventMetrics>, labels: PoolLabels) {
    this.#events = events;
    this.#labels = labels;
  }

  /** When the devices were inspected last, ms since the epoch; 0 if never. */
  get inspectedAt(): number {
    return this.#inspectedAt;
  }

  allocated(devices: number, ms: number): void {
    this.#events.allocateDuration.observe(this.#labels, ms / 1000);
    this.#events.allocated.inc(this.#labels, devices);
  }

  /** @param code name of the gRPC status: `failed_precondition`. */
  allocationRefused(code: string): void {
    this.#events.refused.inc({ ...this.#labels, code });
  }

  registered(): void {
    this.#events.registrations.inc({ ...this.#labels, result: "accepted" });
  }

  registerFailed(): void {
    this.#events.registrations.inc({ ...this.#labels, result: "failed" });
  }

  ended(reason: RegistrationEnd): void {
    this.#events.ended.inc({ ...this.#labels, reason });
  }

  inspected(ms: number): void {
    this.#events.inspectionDuration.observe(this.#labels, ms / 1000);
    this.#inspectedAt = Date.now();
  }

  /** The kubelet's API is one for all pools. */
  podResourcesFailed(method: PodResourcesMethod, reason: PodResourcesFailure): void {
    this.#events.podResourcesErrors.inc({ method, reason });
  }

  maintained(
    device: string,
    kind: "reset" | "repair",
    result: MaintenanceResult,
    ms: number,
  ): void {
    this.#events[kind].inc({ ...this.#labels, device, result });
    if (kind === "reset" && result !== "busy") {
      this.#events.resetDuration.observe(this.#labels, ms / 1000);
    }
  }

  /** Makes the restarts of one of the pool's parts count from 0. */
  actorStarted(actor: string): void {
    this.#events.restarts.inc({ ...this.#labels, actor }, 0);
  }

  actorRestarted(actor: string): void {
    this.#events.restarts.inc({ ...this.#labels, actor });
  }
}
