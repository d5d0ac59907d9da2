import { cpus, loadavg, release, totalmem } from "node:os";

/** What a measurement depends on besides the program. */
export interface MachineFacts {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memory_mb: number;
  readonly kernel: string;
  readonly bun: string;
  /** Runnable tasks over the last minute, before the first measure: above 0.5 something else is at work. */
  readonly load_before: number;
}

/** The facts of this machine, now. */
export function machineFacts(): MachineFacts {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memory_mb: Math.round(totalmem() / 1e6),
    kernel: release(),
    bun: Bun.version,
    load_before: loadavg()[0] ?? 0,
  };
}
