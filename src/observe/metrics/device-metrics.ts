import { Gauge, type Registry } from "prom-client";
import { deviceOfReplica } from "../../common/replica-id.ts";
import type { DeviceActivity } from "../../devices/devices.ts";
import { type DeviceStatus, inventoryReasons } from "../../devices/inventory/device-status.ts";
import type { RelayReport } from "../../drivers/driver.ts";
import type { Owner } from "../../pod-resources/device-owners.ts";
import { type PoolLabels, prefix } from "./make-metrics.ts";

/** Sources of the gauges about one pool's devices. */
export interface DeviceSources {
  readonly labels: PoolLabels;
  /** Empty while another instance shows them, as are the activities. */
  readonly devices: () => readonly DeviceStatus[];
  readonly activity: () => readonly DeviceActivity[];
  /** What the relay of ready cameras does; undefined for plain devices, and while another instance relays. */
  readonly relay: () => RelayReport | undefined;
  /** The reasons that the driver may report. */
  readonly reasons: readonly string[];
  /** False if the driver can't see streams, so that a device never has a format. Default true. */
  readonly seesStreams?: boolean;
  /** True if the devices may have a signal: capture cards do, while the driver asks for it. Default false. */
  readonly hasSignals?: boolean;
  /** True if an operator has cordoned the device. */
  readonly cordoned: (id: string) => boolean;
  /** True if the device is no longer offered and only listed. */
  readonly retired: (id: string) => boolean;
  /** Owners by device ID; undefined if metrics must not name pods. */
  readonly owners: (() => ReadonlyMap<string, Owner>) | undefined;
}

/**
 * Adds the gauges about the devices of all pools. Each has the same labels for the process's life, except owners,
 * `device_in_use` and `device_owned_idle`: 0 for a device whose use is unknown would be counted as a free device.
 */
export function deviceMetrics(registry: Registry, pools: readonly DeviceSources[]): void {
  const registers = [registry];
  const states: Gauge<"resource" | "state"> = new Gauge({
    name: `${prefix}devices`,
    help: "Devices by state: ok for healthy, or the reason why not.",
    labelNames: ["resource", "state"],
    registers,
    collect: () => {
      for (const { labels, devices, reasons } of pools) {
        // A reason that no device has is shown as 0.
        const all = ["ok", ...inventoryReasons, ...reasons];
        const counts = Object.fromEntries(all.map((reason) => [reason, 0]));
        for (const { reason } of devices()) counts[reason] = (counts[reason] ?? 0) + 1;
        for (const [state, count] of Object.entries(counts)) {
          states.set({ ...labels, state }, count);
        }
      }
    },
  });
  const perDevice = <T extends { readonly id: string }>(
    name: string,
    help: string,
    read: (pool: DeviceSources) => readonly T[],
    holds: (device: T, pool: DeviceSources) => boolean | undefined,
  ) => {
    const metric: Gauge<"resource" | "device"> = new Gauge({
      name: prefix + name,
      help,
      labelNames: ["resource", "device"],
      registers,
      collect: () => {
        for (const pool of pools) {
          for (const device of read(pool)) {
            const value = holds(device, pool);
            const labels = { ...pool.labels, device: device.id };
            if (value === undefined) metric.remove(labels);
            else metric.set(labels, value ? 1 : 0);
          }
        }
      },
    });
  };
  const devices = (pool: DeviceSources) => pool.devices();
  const activity = (pool: DeviceSources) => pool.activity();
  perDevice(
    "device_healthy",
    "1 if the device is offered to the kubelet as healthy.",
    devices,
    ({ health }) => health === "Healthy",
  );
  perDevice(
    "device_in_use",
    "1 if a pod owns the device, it was just allocated, or a process holds it open; absent while unknown.",
    activity,
    ({ use }) => (use === "unknown" ? undefined : use === "in_use"),
  );
  perDevice(
    "device_owned_idle",
    "1 if a pod owns the device and no process streams to it, as of the last inspection; absent while unknown.",
    activity,
    ({ id, use, ownership }, pool) => {
      if (ownership === undefined) return use === "unknown" ? undefined : false;
      // A ready camera has a format at any time.
      const picture = pool.relay()?.cameras.get(id)?.picture;
      if (picture !== undefined) return picture === "placeholder";
      if (pool.seesStreams === false) return undefined;
      return pool.devices().find((device) => device.id === id)?.format === "";
    },
  );
  perDevice(
    "device_clean",
    "1 if the device is known to hold nothing of an earlier pod.",
    activity,
    ({ cleanliness }) => cleanliness === "clean",
  );
  perDevice(
    "device_resetting",
    "1 while the device is being reset, which its health does not show.",
    activity,
    ({ work }) => work === "reset",
  );
  perDevice(
    "device_cordoned",
    "1 if an operator has cordoned the device.",
    devices,
    ({ id }, { cordoned }) => cordoned(id),
  );
  perDevice(
    "device_retired",
    "1 if the device is no longer offered, after MAX_DEVICES or FIRST_DEVICE_NUMBER changed.",
    devices,
    ({ id }, { retired }) => retired(id),
  );
  const signalling = pools.filter(({ hasSignals = false }) => hasSignals);
  if (signalling.length > 0) {
    perDevice(
      "device_signal",
      "1 if a source feeds the input of the capture card, 0 if none does; absent while unknown.",
      devices,
      ({ signal }) => (signal === undefined ? undefined : signal === "present"),
    );
  }
  if (pools.some(({ owners }) => owners !== undefined)) ownerMetric(registry, pools);
}

function ownerMetric(registry: Registry, pools: readonly DeviceSources[]): void {
  const metric: Gauge<"resource" | "device" | "namespace" | "pod" | "container"> = new Gauge({
    name: `${prefix}device_owner_info`,
    help: "Always 1; the labels name the container that owns the device, as listed by the kubelet.",
    labelNames: ["resource", "device", "namespace", "pod", "container"],
    registers: [registry],
    collect: () => {
      metric.reset();
      for (const { labels, owners } of pools) {
        for (const [id, owner] of owners?.() ?? []) {
          metric.set({ ...labels, device: deviceOfReplica(id), ...owner }, 1);
        }
      }
    },
  });
}
