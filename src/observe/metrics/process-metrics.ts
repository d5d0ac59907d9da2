import { readdirSync, readFileSync } from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";
import { type CgroupMemory, cgroupMemory } from "./cgroup-memory.ts";
import { gauge, prefix } from "./make-metrics.ts";

/**
 * Adds the process metrics that every Prometheus client has
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). prom-client's own are partly wrong on
 * Bun.
 */
export function processMetrics(registry: Registry): void {
  gauge(
    registry,
    "process_resident_memory_bytes",
    "Resident memory of the process.",
    residentBytes,
  );
  const cpu: Counter = new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time that the process has used.",
    registers: [registry],
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
  const startedAt = Date.now() / 1000 - process.uptime();
  gauge(
    registry,
    "process_start_time_seconds",
    "Start of the process, Unix time.",
    () => startedAt,
  );
  gauge(registry, "process_open_fds", "Open file descriptors.", openFiles);
  gauge(registry, "process_max_fds", "Limit of open file descriptors.", maxFiles);
}

/** Adds the memory of the control group and its limit, each absent while it is unknown. */
export function memoryMetrics(registry: Registry, read = cgroupMemory): void {
  const add = (name: string, help: string, value: (memory: CgroupMemory) => number | undefined) => {
    const metric: Gauge = new Gauge({
      ...{ name: prefix + name, help, registers: [registry] },
      collect: () => {
        const memory = read();
        const bytes = memory && value(memory);
        if (bytes === undefined) metric.remove();
        else metric.set(bytes);
      },
    });
  };
  add(
    "memory_working_set_bytes",
    "Memory of the container or unit that counts against its limit, without file pages that the kernel can drop.",
    ({ workingSet }) => workingSet,
  );
  add(
    "memory_limit_bytes",
    "Memory limit of the container or unit; absent without one.",
    ({ limit }) => limit,
  );
}

/** VmRSS of this process. */
function residentBytes(): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** Open descriptors, without the one that reads the directory. */
function openFiles(): number {
  return readdirSync("/proc/self/fd").length - 1;
}

/** The soft limit; Infinity for "unlimited". */
function maxFiles(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
