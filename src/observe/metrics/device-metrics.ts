import { Gauge, type Registry } from "prom-client";
import type { DeviceStatus, HealthReason } from "../../devices/inventory/device-status.ts";
import type { MaintenanceStatus } from "../../devices/maintenance/maintenance.ts";
import type { Owner } from "../../pod-resources/device-owners.ts";
import { prefix } from "./make-metrics.ts";

/** Where the gauges about devices look when they are shown. */
export interface DeviceSources {
  readonly devices: () => readonly DeviceStatus[];
  readonly care: () => readonly MaintenanceStatus[];
  /** Whether an operator has taken a device out of the offer. */
  readonly cordoned: (id: string) => boolean;
  /** Whether a device is no longer wanted, and stays only in the list. */
  readonly retired: (id: string) => boolean;
  /** Who has which device; undefined if metrics shall name nobody. */
  readonly owners: (() => ReadonlyMap<string, Owner>) | undefined;
}

/** Every reason a device can have, so that one which no device has is shown as 0. */
const noDevices: Readonly<Record<HealthReason | "cordoned", number>> = {
  ok: 0,
  missing: 0,
  wrong_driver: 0,
  module_gone: 0,
  faulty: 0,
  wrong_number: 0,
  dead_caps: 0,
  stuck_writer: 0,
  unclean: 0,
  retired: 0,
  cordoned: 0,
  unknown: 0,
  unobservable: 0,
  flapping: 0,
};

/**
 * Gauges about devices. All have the same labels for the process's life, but owners, and whether a device is in use:
 * a 0 where that isn't known would be counted as a free device.
 */
export function deviceMetrics(registry: Registry, sources: DeviceSources): void {
  const { devices, care, cordoned, retired, owners } = sources;
  const registers = [registry];
  const states: Gauge<"state"> = new Gauge({
    name: `${prefix}devices`,
    help: "Devices by state: ok, or why they are not offered as healthy.",
    labelNames: ["state"],
    registers,
    collect: () => {
      const counts: Record<string, number> = { ...noDevices };
      for (const { reason } of devices()) counts[reason] = (counts[reason] ?? 0) + 1;
      for (const [state, count] of Object.entries(counts)) states.set({ state }, count);
    },
  });
  const perDevice = <T extends { readonly id: string }>(
    name: string,
    help: string,
    read: () => readonly T[],
    holds: (device: T) => boolean | undefined,
  ) => {
    const metric: Gauge<"device"> = new Gauge({
      name: prefix + name,
      help,
      labelNames: ["device"],
      registers,
      collect: () => {
        for (const device of read()) {
          const value = holds(device);
          if (value === undefined) metric.remove({ device: device.id });
          else metric.set({ device: device.id }, value ? 1 : 0);
        }
      },
    });
  };
  perDevice(
    "device_healthy",
    "1 if the device is offered to the kubelet as healthy.",
    devices,
    ({ health }) => health === "Healthy",
  );
  perDevice(
    "device_in_use",
    "1 if a pod has the device, was just given it, or somebody was seen holding it open; absent while unknown.",
    care,
    ({ use }) => (use === "unknown" ? undefined : use === "in_use"),
  );
  perDevice(
    "device_clean",
    "1 if the device is known to carry nothing of a former user.",
    care,
    ({ cleanliness }) => cleanliness === "clean",
  );
  perDevice(
    "device_resetting",
    "1 while the device is being reset, which its health does not show.",
    care,
    ({ work }) => work === "reset",
  );
  perDevice(
    "device_cordoned",
    "1 if an operator has taken the device out of the offer.",
    devices,
    ({ id }) => cordoned(id),
  );
  perDevice(
    "device_retired",
    "1 if the device is no longer wanted and given to nobody any more.",
    devices,
    ({ id }) => retired(id),
  );
  if (owners) ownerMetric(registry, owners);
}

function ownerMetric(registry: Registry, owners: () => ReadonlyMap<string, Owner>): void {
  const metric: Gauge<"device" | "namespace" | "pod" | "container"> = new Gauge({
    name: `${prefix}device_owner_info`,
    help: "Always 1; the container that has the device, as the kubelet says, is in the labels.",
    labelNames: ["device", "namespace", "pod", "container"],
    registers: [registry],
    collect: () => {
      metric.reset();
      for (const [device, owner] of owners()) metric.set({ device, ...owner }, 1);
    },
  });
}
