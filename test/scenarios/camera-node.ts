import { join } from "node:path";
import { type Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Cleaning } from "../../src/drivers/driver.ts";
import { driverDevices } from "../../src/drivers/driver-devices.ts";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import type { PodStatus } from "../../src/simulator/pod.ts";
import { numbersFrom } from "../../src/v4l2/device-ids.ts";
import { CameraFiles } from "./camera-files.ts";
import { eventually, quickMaintenance, type RunningPlugin, Scenario } from "./harness.ts";

/** Long enough for any maintenance that isn't requested. */
export const aWhile = quickMaintenance.graceMs + 4 * quickMaintenance.pollMs;

/** Times for a kubelet's restart on a busy machine: it ends before the grace time does. */
export const unhurriedRestart = { ...quickMaintenance, restartGraceMs: 2500 };

/** Waits until the plugin has logged, `times` times, that the kubelet lists a pod with a device. */
export function heardOfPods({ log }: RunningPlugin, count = 1): Promise<void> {
  const taken = () => log.lines.filter(({ msg }) => msg === "Device owned by pod").length;
  return eventually(() => taken() >= count, "the kubelet's word of the pods");
}

/** A scenario whose cameras keep their content until a reset. */
export class CameraNode extends Scenario {
  /** @param there They exist before the plugin starts. */
  cameras(count = 8, there = false, cleaning: Cleaning = "reset"): CameraFiles {
    return this.camerasOf(numbersFrom(10, count), [], there, cleaning);
  }

  /** Cameras with the configured numbers, and with those that are still allocated. */
  camerasOf(
    wanted: readonly number[],
    allocated: readonly number[],
    there = false,
    cleaning: Cleaning = "reset",
  ): CameraFiles {
    const hostPath = (id: string) => join(this.simulatedDir, id);
    const devices = driverDevices(wanted, allocated, { hostPath, cleaning });
    return new CameraFiles(devices, there);
  }

  /** Starts the plugin with these cameras, and waits until it is registered. */
  async started(
    driver: CameraFiles,
    options: Partial<Record<string, string>> = {},
    maintenanceTimes = quickMaintenance,
  ): Promise<RunningPlugin> {
    const count = driver.devices.length;
    const plugin = this.startPlugin(
      { "max-devices": String(count), ...options },
      { driver, maintenanceTimes },
    );
    if (!this.kubelet.running) await this.kubelet.start();
    await this.counts(count, count);
    return plugin;
  }

  /** A pod of one container with one device. */
  pod(name: string): Promise<PodStatus> {
    return this.kubelet.addPod({ name, containers: [{ name: "c", devices: 1 }] });
  }

  /** Calls Allocate like the kubelet; returns the status of a refusal. */
  async allocate(id: string): Promise<Code | undefined> {
    const transport = createSocketTransport(this.socketPath());
    try {
      const client = createClient(DevicePlugin, transport);
      await client.allocate({ containerRequests: [{ devicesIds: [id] }] });
      return undefined;
    } catch (error) {
      return ConnectError.from(error).code;
    } finally {
      transport.close();
    }
  }
}
