import { Counter, Gauge, type Registry } from "prom-client";
import type { CameraRelay, RelayReport } from "../../drivers/driver.ts";
import { prefix } from "./make-metrics.ts";

export interface RelaySources {
  /** Undefined while another instance relays. */
  readonly relay: () => RelayReport | undefined;
  /** IDs of the devices that are ready cameras. */
  readonly readyCameras: readonly string[];
}

/** Adds the metrics of ready cameras and of the relay that copies the frames of all of them. */
export function relayMetrics(registry: Registry, { relay, readyCameras }: RelaySources): void {
  const registers = [registry];
  const running: Gauge = new Gauge({
    name: `${prefix}relay_running`,
    help: "1 if the relay runs, which copies frames from the feeds of ready cameras; absent on a standby.",
    registers,
    collect: () => {
      const report = relay();
      if (report === undefined) running.remove();
      else running.set(report.isRunning ? 1 : 0);
    },
  });
  const total = (name: string, help: string, read: (report: RelayReport) => number) => {
    const metric: Counter = new Counter({
      name: prefix + name,
      help,
      registers,
      collect: () => grow(metric, {}, name, relay(), read),
    });
  };
  const last = new Map<string, number>();
  /** Adds what has come since the last scrape: a report may lack a camera for a while, and its count must not fall. */
  const grow = <T extends string>(
    metric: Counter<T>,
    labels: Partial<Record<T, string>>,
    key: string,
    report: RelayReport | undefined,
    read: (report: RelayReport) => number | undefined,
  ) => {
    const now = (report && read(report)) ?? last.get(key) ?? 0;
    const before = last.get(key) ?? 0;
    metric.inc(labels, Math.max(0, now < before ? now : now - before));
    last.set(key, now);
  };
  total(
    "relay_restarts_total",
    "Restarts of the relay after it had ended by itself.",
    ({ restarts }) => restarts,
  );
  total(
    "relay_cpu_seconds_total",
    "CPU time that the relay has used, a part of the process's.",
    ({ cpuSeconds }) => cpuSeconds,
  );

  const perKind = (
    name: string,
    help: string,
    kinds: Readonly<Record<string, (camera: CameraRelay) => number>>,
  ) => {
    const metric: Counter<"device" | "kind"> = new Counter({
      ...{ name: prefix + name, help, labelNames: ["device", "kind"], registers },
      collect: () => {
        const report = relay();
        for (const device of readyCameras) {
          for (const [kind, count] of Object.entries(kinds)) {
            grow(metric, { device, kind }, `${name} ${device} ${kind}`, report, ({ cameras }) => {
              const camera = cameras.get(device);
              return camera && count(camera);
            });
          }
        }
      },
    });
  };
  perKind(
    "relay_frames_total",
    "Frames of a ready camera by kind: application and placeholder were shown, dropped ones have the wrong size.",
    {
      application: ({ applicationFrames }) => applicationFrames,
      placeholder: ({ placeholderFrames }) => placeholderFrames,
      dropped: ({ droppedFrames }) => droppedFrames,
    },
  );
  const seconds: Counter<"device"> = new Counter({
    name: `${prefix}relay_seconds_total`,
    help: "Time from the moment at which a frame of the application could be read until the camera had it, summed up.",
    labelNames: ["device"],
    registers,
    collect: () => {
      const report = relay();
      for (const device of readyCameras) {
        grow(seconds, { device }, `seconds ${device}`, report, ({ cameras }) => {
          return cameras.get(device)?.relaySeconds;
        });
      }
    },
  });
  const perCamera = (name: string, help: string, read: (camera: CameraRelay) => number) => {
    const metric: Gauge<"device"> = new Gauge({
      ...{ name: prefix + name, help, labelNames: ["device"], registers },
      collect: () => {
        const cameras = relay()?.cameras;
        for (const device of readyCameras) {
          const camera = cameras?.get(device);
          if (camera === undefined) metric.remove({ device });
          else metric.set({ device }, read(camera));
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
