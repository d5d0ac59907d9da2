import { Counter, Gauge, type Registry } from "prom-client";
import type { CameraRelay, RelayReport } from "../../drivers/driver.ts";
import { type PoolLabels, poolGauge, prefix } from "./make-metrics.ts";

/** Sources of the metrics about one pool's ready cameras. */
export interface RelaySources {
  readonly labels: PoolLabels;
  /** Undefined while another instance relays. */
  readonly relay: () => RelayReport | undefined;
  /** IDs of the devices that are ready cameras. */
  readonly readyCameras: readonly string[];
}

type Labels = Partial<Record<"resource" | "device" | "kind", string>>;

/** Adds the metrics of ready cameras and of each pool's relay, which copies the frames of all of them. */
export function relayMetrics(registry: Registry, pools: readonly RelaySources[]): void {
  const registers = [registry];
  poolGauge(
    registry,
    `${prefix}relay_running`,
    "1 if the relay runs, which copies frames from the feeds of ready cameras; absent on a standby.",
    pools,
    ({ relay }) => {
      const report = relay();
      return report && (report.isRunning ? 1 : 0);
    },
  );
  /** A counter that grows by what has come since the last scrape: a report may lack a camera for a while. */
  const total = (
    name: string,
    help: string,
    labelNames: readonly ("device" | "kind")[],
    read: (pool: RelaySources, grow: (labels: Labels, value: number | undefined) => void) => void,
  ) => {
    const last = new Map<string, number>();
    const metric: Counter<"resource" | "device" | "kind"> = new Counter({
      ...{ name: prefix + name, help, labelNames: ["resource", ...labelNames], registers },
      collect: () => {
        for (const pool of pools) {
          read(pool, (own, value) => {
            const labels = { ...pool.labels, ...own };
            const key = Object.values(labels).join(" ");
            const before = last.get(key) ?? 0;
            const now = value ?? before;
            metric.inc(labels, Math.max(0, now < before ? now : now - before));
            last.set(key, now);
          });
        }
      },
    });
  };
  total(
    "relay_restarts_total",
    "Restarts of the relay after it had ended by itself.",
    [],
    ({ relay }, grow) => grow({}, relay()?.restarts),
  );
  total(
    "relay_cpu_seconds_total",
    "CPU time that the relay has used, a part of the process's.",
    [],
    ({ relay }, grow) => grow({}, relay()?.cpuSeconds),
  );
  total(
    "relay_frames_total",
    "Frames of a ready camera by kind: application and placeholder were shown, dropped ones have the wrong size.",
    ["device", "kind"],
    ({ relay, readyCameras }, grow) => {
      const cameras = relay()?.cameras;
      for (const device of readyCameras) {
        const camera = cameras?.get(device);
        grow({ device, kind: "application" }, camera?.applicationFrames);
        grow({ device, kind: "placeholder" }, camera?.placeholderFrames);
        grow({ device, kind: "dropped" }, camera?.droppedFrames);
      }
    },
  );
  total(
    "relay_seconds_total",
    "Time from the moment at which a frame of the application could be read until the camera had it, summed up.",
    ["device"],
    ({ relay, readyCameras }, grow) => {
      const cameras = relay()?.cameras;
      for (const device of readyCameras) grow({ device }, cameras?.get(device)?.relaySeconds);
    },
  );
  const perCamera = (name: string, help: string, read: (camera: CameraRelay) => number) => {
    const metric: Gauge<"resource" | "device"> = new Gauge({
      ...{ name: prefix + name, help, labelNames: ["resource", "device"], registers },
      collect: () => {
        for (const { labels: own, relay, readyCameras } of pools) {
          const cameras = relay()?.cameras;
          for (const device of readyCameras) {
            const camera = cameras?.get(device);
            const labels = { ...own, device };
            if (camera === undefined) metric.remove(labels);
            else metric.set(labels, read(camera));
          }
        }
      },
    });
  };
  perCamera(
    "relay_longest_seconds",
    "The longest time of a frame in the relay since the plugin created the device.",
    ({ maxRelaySeconds }) => maxRelaySeconds,
  );
  perCamera(
    "camera_shows_application",
    "1 if a ready camera shows the application's frames, 0 if it shows the placeholder; absent while it is reset.",
    ({ picture }) => (picture === "application" ? 1 : 0),
  );
  perCamera(
    "feed_has_problem",
    "1 if the application writes frames to the feed that the camera can't show, as of a wrong size.",
    ({ problem }) => (problem === "" ? 0 : 1),
  );
}
