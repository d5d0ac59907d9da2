import { readFileSync } from "node:fs";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CareStatus } from "../devices/caretaker.ts";
import type { DeviceStatus } from "../devices/health.ts";

const prefix = "video_device_plugin_";

/** Allocate answers from memory, so its buckets start at 50 µs; with a reset it may take 2 s. Seconds. */
const allocateBuckets = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5,
];

export interface MetricsSources {
  readonly version: string;
  readonly nodeName: string;
  readonly devices: () => readonly DeviceStatus[];
  readonly registered: () => boolean;
  readonly care: () => readonly CareStatus[];
}

/** Everything `/metrics` shows. Gauges are read when scraped; the rest is told by the rooms' observers. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #allocate: Histogram;
  readonly #allocated: Counter;
  readonly #refused: Counter<"code">;
  readonly #registrations: Counter<"result">;
  readonly #ended: Counter<"reason">;
  readonly #inspection: Histogram;
  readonly #restarts: Counter<"actor">;
  readonly #cares: Record<"reset" | "repair", Counter<"device" | "result">>;

  constructor(sources: MetricsSources) {
    const registers = [this.#registry];
    this.#allocate = new Histogram({
      name: `${prefix}allocate_duration_seconds`,
      help: "Time the plugin took to answer Allocate.",
      buckets: allocateBuckets,
      registers,
    });
    this.#allocated = new Counter({
      name: `${prefix}allocated_devices_total`,
      help: "Devices given to containers by Allocate.",
      registers,
    });
    this.#refused = new Counter({
      name: `${prefix}allocations_refused_total`,
      help: "Allocate and PreStartContainer calls refused, by gRPC status code.",
      labelNames: ["code"],
      registers,
    });
    this.#registrations = new Counter({
      name: `${prefix}registrations_total`,
      help: "Register calls, by result.",
      labelNames: ["result"],
      registers,
    });
    this.#ended = new Counter({
      name: `${prefix}registrations_ended_total`,
      help: "Registrations that came to an end, by reason.",
      labelNames: ["reason"],
      registers,
    });
    this.#inspection = new Histogram({
      name: `${prefix}inspection_duration_seconds`,
      help: "Time one inspection of all devices took.",
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
      registers,
    });
    this.#restarts = new Counter({
      name: `${prefix}actor_restarts_total`,
      help: "Restarts of a part of the program after an unexpected error.",
      labelNames: ["actor"],
      registers,
    });
    const cares = (name: string, help: string) =>
      new Counter({ name, help, labelNames: ["device", "result"], registers });
    this.#cares = {
      reset: cares(`${prefix}resets_total`, "Resets of a device, by result."),
      repair: cares(`${prefix}repairs_total`, "Repairs of a device in place, by result."),
    };
    this.#gauges(sources);
  }

  allocated(devices: number, ms: number): void {
    this.#allocate.observe(ms / 1000);
    this.#allocated.inc(devices);
  }

  allocationRefused(code: number): void {
    this.#refused.inc({ code: String(code) });
  }

  registered(_ms: number): void {
    this.#registrations.inc({ result: "accepted" });
  }

  registerFailed(_code: number): void {
    this.#registrations.inc({ result: "failed" });
  }

  ended(reason: string): void {
    this.#ended.inc({ reason });
  }

  inspected(ms: number): void {
    this.#inspection.observe(ms / 1000);
  }

  actorRestarted(actor: string): void {
    this.#restarts.inc({ actor });
  }

  cared(device: string, kind: "reset" | "repair", result: "ok" | "busy" | "failed"): void {
    this.#cares[kind].inc({ device, result });
  }

  /** The exposition, and its content type. */
  async render(): Promise<{ body: string; contentType: string }> {
    return { body: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  #gauges({ version, nodeName, devices, registered, care }: MetricsSources): void {
    const gauge = (name: string, help: string, read: () => number) => {
      const metric: Gauge = new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect: () => {
          metric.set(read());
        },
      });
    };
    gauge(`${prefix}registered`, "1 if the kubelet listens to our list of devices.", () =>
      registered() ? 1 : 0,
    );
    new Gauge({
      name: `${prefix}build_info`,
      help: "Always 1; what runs where is in the labels.",
      labelNames: ["version", "node"],
      registers: [this.#registry],
    }).set({ version, node: nodeName }, 1);
    const perDevice = <T extends { readonly id: string }>(
      name: string,
      help: string,
      read: () => readonly T[],
      holds: (device: T) => boolean,
    ) => {
      const metric: Gauge<"device"> = new Gauge({
        name,
        help,
        labelNames: ["device"],
        registers: [this.#registry],
        collect: () => {
          for (const device of read()) metric.set({ device: device.id }, holds(device) ? 1 : 0);
        },
      });
    };
    perDevice(
      `${prefix}device_healthy`,
      "1 if the device is offered to the kubelet as healthy.",
      devices,
      ({ health }) => health === "Healthy",
    );
    perDevice(
      `${prefix}device_in_use`,
      "1 if a pod has the device, was just given it, or somebody was seen holding it open.",
      care,
      ({ use }) => use === "in_use",
    );
    perDevice(
      `${prefix}device_clean`,
      "1 if the device is known to carry nothing of a former user.",
      care,
      ({ cleanliness }) => cleanliness === "clean",
    );
    gauge("process_resident_memory_bytes", "Resident memory of the process.", residentBytes);
    const cpu: Counter = new Counter({
      name: "process_cpu_seconds_total",
      help: "CPU time the process has used.",
      registers: [this.#registry],
      collect: () => {
        const { user, system } = process.cpuUsage();
        cpu.reset();
        cpu.inc((user + system) / 1e6);
      },
    });
    const startedAt = Date.now() / 1000 - process.uptime();
    gauge("process_start_time_seconds", "Start of the process, Unix time.", () => startedAt);
  }
}

/** VmRSS of this process; prom-client's own default metrics are partly meaningless on Bun. */
function residentBytes(): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kib ?? 0) * 1024;
}
