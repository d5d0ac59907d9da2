import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { faultsDirectory } from "../../drivers/simulated/index.ts";
import { EmbeddedKubelet } from "../../simulator/kubelet.ts";
import { type PluginPaths, PluginProcess } from "./plugin-process.ts";
import type { Cell, Timeline } from "./timeline.ts";

/** A step did not happen. */
export class DemoFailure extends Error {
  override name = "DemoFailure";
}

/** How long a step may take before the demo has failed, ms. */
const stepLimitMs = 5000;

/** A kubelet, a plugin and a directory for both: what the acts are played on. */
export class Stage {
  readonly directory = mkdtempSync(join(baseDirectory(), "vdp-demo-"));
  readonly kubelet: EmbeddedKubelet;
  readonly paths: PluginPaths;
  readonly timeline: Timeline;
  plugin: PluginProcess | undefined;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    const dir = join(this.directory, "dp");
    const podResourcesDir = join(this.directory, "pr");
    this.kubelet = new EmbeddedKubelet({ dir, podResourcesDir });
    this.paths = {
      kubeletSocket: this.kubelet.socket,
      podResourcesSocket: this.kubelet.podResourcesSocket,
      socketPath: join(dir, "video-device-plugin.sock"),
      simulatedDir: join(this.directory, "dev"),
      adminSocket: join(this.directory, "admin.sock"),
      stateDir: join(this.directory, "state"),
      metricsPort: freePort(),
    };
    mkdirSync(this.faultsDir, { recursive: true });
  }

  get faultsDir(): string {
    return join(this.paths.simulatedDir, faultsDirectory);
  }

  startPlugin(): PluginProcess {
    this.plugin = new PluginProcess(this.paths);
    return this.plugin;
  }

  /** Waits until the node counts so many devices, and says how long that took, ms. */
  async counts(capacity: number, allocatable: number): Promise<number> {
    const started = performance.now();
    await this.happens(`capacity ${capacity} and allocatable ${allocatable}`, () => {
      const seen = this.kubelet.resources();
      return seen.capacity === capacity && seen.allocatable === allocatable;
    });
    return performance.now() - started;
  }

  /** Waits for something; a demo in which it doesn't happen has failed. */
  async happens(what: string, check: () => boolean): Promise<void> {
    try {
      await this.kubelet.until(check, stepLimitMs, what);
    } catch {
      const { capacity, allocatable } = this.kubelet.resources();
      throw new DemoFailure(
        `waited ${stepLimitMs / 1000} s for ${what}; the node counts capacity ${capacity}, allocatable ${allocatable}`,
      );
    }
  }

  /** Draws who has which device. */
  drawDevices(): void {
    const owners = new Map(
      Object.entries(this.kubelet.allocations()).flatMap(([pod, ids]) =>
        ids.map((id) => [id, pod] as const),
      ),
    );
    const health = Object.entries(this.kubelet.devices()).sort(([a], [b]) => (a < b ? -1 : 1));
    const cells = health.map(([id, state]): Cell => {
      if (state !== "Healthy") return { text: "unhealthy", colour: "red" };
      const owner = owners.get(id);
      return owner === undefined
        ? { text: "free", colour: "dim" }
        : { text: owner, colour: "green" };
    });
    this.timeline.table(
      health.map(([id]) => id),
      cells,
    );
  }

  /** Ends whatever still runs and removes what was made. */
  async clear(): Promise<void> {
    this.plugin?.kill("SIGKILL");
    await this.plugin?.exited;
    this.kubelet.stop({ removeSockets: true });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A unix socket's path holds 107 bytes; what comes below this directory takes some 70 of them. */
function baseDirectory(): string {
  return tmpdir().length <= 35 ? tmpdir() : "/tmp";
}

/** Fails the demo unless `condition` holds. */
export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new DemoFailure(otherwise);
}

/** A TCP port of 127.0.0.1 that was free a moment ago. The plugin runs without metrics if it no longer is. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
