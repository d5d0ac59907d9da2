import type { Code } from "@connectrpc/connect";
import { type Counter, Gauge, type Histogram, Registry } from "prom-client";
import { systemClock } from "../common/clock.ts";
import type { CareResult } from "../devices/attempts.ts";
import { codeName } from "../grpc/status.ts";
import type { PodResourcesMethod } from "../kubelet/pod-resources.ts";
import type { RegistrationReason } from "../kubelet/registration.ts";
import { type DeviceSources, deviceMetrics } from "./metrics/device-metrics.ts";
import { EventLoopLag } from "./metrics/event-loop-lag.ts";
import { counter, gauge, histogram, prefix } from "./metrics/make-metrics.ts";
import { processMetrics } from "./metrics/process-metrics.ts";

/** Where everything that isn't counted here is read when it is shown. */
export interface MetricsSources extends DeviceSources {
  readonly version: string;
  readonly nodeName: string;
  readonly registered: () => boolean;
}

export interface Exposition {
  readonly body: string;
  readonly contentType: string;
}

/** Allocate answers from memory, so its buckets start at 50 µs; with a reset it may take 2 s. Seconds. */
const allocateBuckets = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5,
];
/** A reset takes 50 ms where there is a control device, seconds on a busy node, and is given up after 10 s. */
const resetBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const inspectionBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1];

const careResults: readonly CareResult[] = ["ok", "busy", "failed"];
const methods: readonly PodResourcesMethod[] = ["List", "GetAllocatableResources"];
/** What Allocate and PreStartContainer are refused with; others would be defects. */
const refusals = ["unavailable", "failed_precondition", "not_found"];
/** Why a registration can end; others would be defects. */
const ends: readonly RegistrationReason[] = [
  "stream_ended",
  "stream_missing",
  "kubelet_replaced",
  "disowned",
  "socket_lost",
];

/**
 * How long a rendering is shown to everybody who asks, ms. One takes 1 ms with 8 devices and 10 ms with 246,
 * in which no Allocate is answered: whoever asks a thousand times a second must not get a thousand of them.
 */
const shownMs = 200;

/** Everything `/metrics` shows. Gauges are read when scraped; the rest is told by the rooms' observers. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #lag = new EventLoopLag(systemClock);
  readonly #allocate: Histogram;
  readonly #allocated: Counter;
  readonly #refused: Counter<"code">;
  readonly #registrations: Counter<"result">;
  readonly #ended: Counter<"reason">;
  readonly #inspection: Histogram;
  readonly #restarts: Counter<"actor">;
  readonly #podResourcesErrors: Counter<"method">;
  readonly #cares: Record<"reset" | "repair", Counter<"device" | "result">>;
  readonly #reset: Histogram;
  #inspectedAt = 0;
  #shown: { readonly exposition: Promise<Exposition>; readonly until: number } | undefined;

  constructor(sources: MetricsSources) {
    const registry = this.#registry;
    const device = sources.devices().map(({ id }) => id);
    const result = careResults;
    new Gauge({
      name: `${prefix}build_info`,
      help: "Always 1; what runs where is in the labels.",
      labelNames: ["version", "node"],
      registers: [registry],
    }).set({ version: sources.version, node: sources.nodeName }, 1);
    deviceMetrics(registry, sources);
    this.#cares = {
      reset: counter(registry, "resets_total", "Resets of a device, by result.", {
        device,
        result,
      }),
      repair: counter(registry, "repairs_total", "Repairs of a device in place, by result.", {
        device,
        result,
      }),
    };
    this.#reset = histogram(
      registry,
      "reset_duration_seconds",
      "Time a reset took that was carried out, whether it helped or not.",
      resetBuckets,
    );
    this.#allocate = histogram(
      registry,
      "allocate_duration_seconds",
      "Time the plugin took to answer Allocate.",
      allocateBuckets,
    );
    this.#allocated = counter(
      registry,
      "allocated_devices_total",
      "Devices given to containers by Allocate.",
      {},
    );
    this.#refused = counter(
      registry,
      "allocations_refused_total",
      "Allocate and PreStartContainer calls refused, by gRPC status code.",
      { code: refusals },
    );
    const isRegistered = () => (sources.registered() ? 1 : 0);
    const registered = "1 if the kubelet listens to our list of devices.";
    gauge(registry, `${prefix}registered`, registered, isRegistered);
    this.#registrations = counter(registry, "registrations_total", "Register calls, by result.", {
      result: ["accepted", "failed"],
    });
    this.#ended = counter(
      registry,
      "registrations_ended_total",
      "Registrations that came to an end, by reason.",
      { reason: ends },
    );
    this.#inspection = histogram(
      registry,
      "inspection_duration_seconds",
      "Time one inspection of all devices took.",
      inspectionBuckets,
    );
    gauge(
      registry,
      `${prefix}last_inspection_timestamp_seconds`,
      "When the devices were inspected last, Unix time; 0 before the first time.",
      () => this.#inspectedAt / 1000,
    );
    this.#podResourcesErrors = counter(
      registry,
      "pod_resources_errors_total",
      "Questions that the kubelet's pod-resources API did not answer, by method.",
      { method: methods },
    );
    this.#restarts = counter(
      registry,
      "actor_restarts_total",
      "Restarts of a part of the program after an unexpected error.",
      { actor: [] },
    );
    gauge(
      registry,
      `${prefix}event_loop_lag_seconds`,
      "Longest delay of a timer in the last minute.",
      () => this.#lag.seconds(),
    );
    processMetrics(registry);
  }

  /** Measures what has to be measured all the time, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#lag.run(signal);
  }

  allocated(devices: number, ms: number): void {
    this.#allocate.observe(ms / 1000);
    this.#allocated.inc(devices);
  }

  allocationRefused(code: Code): void {
    this.#refused.inc({ code: codeName(code) });
  }

  registered(_ms: number): void {
    this.#registrations.inc({ result: "accepted" });
  }

  registerFailed(_code: Code): void {
    this.#registrations.inc({ result: "failed" });
  }

  ended(reason: RegistrationReason): void {
    this.#ended.inc({ reason });
  }

  inspected(ms: number): void {
    this.#inspection.observe(ms / 1000);
    this.#inspectedAt = Date.now();
  }

  podResourcesFailed(method: PodResourcesMethod): void {
    this.#podResourcesErrors.inc({ method });
  }

  /** A part of the program runs: its restarts count from 0. */
  actorStarted(actor: string): void {
    this.#restarts.inc({ actor }, 0);
  }

  actorRestarted(actor: string): void {
    this.#restarts.inc({ actor });
  }

  cared(device: string, kind: "reset" | "repair", result: CareResult, ms: number): void {
    this.#cares[kind].inc({ device, result });
    if (kind === "reset" && result !== "busy") this.#reset.observe(ms / 1000);
  }

  /** The exposition, as it was at most {@link shownMs} ago. */
  render(): Promise<Exposition> {
    const now = performance.now();
    if (this.#shown === undefined || now >= this.#shown.until) {
      this.#shown = { exposition: this.#render(), until: now + shownMs };
    }
    return this.#shown.exposition;
  }

  async #render(): Promise<Exposition> {
    const { contentType } = this.#registry;
    return { body: await this.#registry.metrics(), contentType };
  }
}
