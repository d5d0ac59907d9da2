import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { systemClock } from "../../common/clock.ts";
import { faultsDirectory } from "../../drivers/simulated/index.ts";
import { DeviceSchema, Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceWords, pictureWord } from "../../observe/device-words.ts";
import { EmbeddedKubelet } from "../../simulator/kubelet.ts";
import type { PodStatus } from "../../simulator/pod.ts";
import { createAdminClient } from "../operate/admin-client.ts";
import { type PluginPaths, PluginProcess } from "./plugin-process.ts";
import type { Cell, Timeline } from "./timeline.ts";

/** A step of the demo did not happen. */
export class DemoFailure extends Error {
  override name = "DemoFailure";
}

/** Pause between two questions for the plugin's status, ms. */
const pauseMs = 20;

/** Longest duration of a step before the demo fails, ms: a start of the plugin takes seconds on a busy machine. */
const stepLimitMs = 15_000;

/** What the acts use: a kubelet, a plugin and a directory for both. */
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

  /** Starts the plugin, with `flags` beside those of the demo. */
  startPlugin(flags: readonly string[] = []): PluginProcess {
    this.plugin = new PluginProcess(this.paths, flags);
    return this.plugin;
  }

  /**
   * Stops the plugin and starts it with `flags` beside those of the demo. Resolves when the kubelet counts 8 of 8 virtual
   * cameras again, to how long that took since the start, ms.
   */
  async restartPlugin(flags: readonly string[]): Promise<number> {
    this.plugin?.kill("SIGTERM");
    await this.plugin?.exited;
    await this.counts(8, 0);
    this.startPlugin(flags);
    return this.counts(8, 8);
  }

  /**
   * Waits until the plugin's status says that a ready camera shows this picture, and that its application has this
   * problem; returns how long that took, ms.
   *
   * @throws DemoFailure after {@link stepLimitMs}.
   */
  async shows(id: string, picture: "application" | "placeholder", problem = ""): Promise<number> {
    const started = performance.now();
    const client = createAdminClient(this.paths.adminSocket);
    while (performance.now() - started < stepLimitMs) {
      const { status } = await client.getStatus({});
      const device = status?.devices.find((one) => one.id === id);
      const isShown = device !== undefined && pictureWord(device) === picture;
      if (isShown && device.readyCamera?.problem === problem) return performance.now() - started;
      await systemClock.sleep(pauseMs);
    }
    throw new DemoFailure(`waited ${stepLimitMs / 1000} s for ${id} to show the ${picture}`);
  }

  /** Waits until the node counts so many devices of a resource, and returns how long that took, ms. */
  async counts(
    capacity: number,
    allocatable: number,
    resource = this.kubelet.resourceName,
  ): Promise<number> {
    const started = performance.now();
    const what = `capacity ${capacity} and allocatable ${allocatable}`;
    const check = () => {
      const seen = this.kubelet.resources(resource);
      return seen.capacity === capacity && seen.allocatable === allocatable;
    };
    await this.happens(what, check, resource);
    return performance.now() - started;
  }

  /** Waits until `check` is true. @throws DemoFailure after {@link stepLimitMs}. */
  async happens(
    what: string,
    check: () => boolean,
    resource = this.kubelet.resourceName,
  ): Promise<void> {
    try {
      await this.kubelet.until(check, stepLimitMs, what);
    } catch {
      const { capacity, allocatable } = this.kubelet.resources(resource);
      throw new DemoFailure(
        `waited ${stepLimitMs / 1000} s for ${what}; the node counts capacity ${capacity}, allocatable ${allocatable}`,
      );
    }
  }

  /** Draws the state of each device of a resource, with the pod's name for one that is in use. */
  drawDevices(resource = this.kubelet.resourceName): void {
    const owners = new Map(
      Object.entries(this.kubelet.allocations(resource)).flatMap(([pod, ids]) =>
        ids.map((id) => [id, pod] as const),
      ),
    );
    const health = Object.entries(this.kubelet.devices(resource)).sort(([a], [b]) =>
      a < b ? -1 : 1,
    );
    const cells = health.map(([id, state]): Cell => {
      const owner = owners.get(id);
      const use = owner === undefined ? Use.FREE : Use.IN_USE;
      const device = create(DeviceSchema, { healthy: state === "Healthy", use });
      const words = deviceWords(device, undefined);
      if (words.state === "in use") return { text: owner ?? words.state, colour: "green" };
      return { text: words.state, colour: words.state === "free" ? "gray" : "red" };
    });
    this.timeline.table(
      health.map(([id]) => id),
      cells,
    );
  }

  /** Ends all that still runs and removes all files. */
  async clear(): Promise<void> {
    this.plugin?.kill("SIGKILL");
    await this.plugin?.exited;
    this.kubelet.stop({ removeSockets: true });
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** As {@link clear}, for a process that ends at once. */
  abandon(): void {
    this.plugin?.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A unix socket's path has at most 107 bytes, and the part below this directory some 70 of them. */
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

/** The settings of a pod's container; the demo fails unless it is running. */
export function running(pod: PodStatus) {
  const [container] = pod.containers;
  must(
    pod.phase === "Running" && container !== undefined,
    `pod ${pod.name} is ${pod.phase}: ${pod.message ?? container?.message ?? "no reason given"}`,
  );
  return container.settings;
}
