import { join } from "node:path";
import { type Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Cleaning } from "../../src/drivers/driver.ts";
import { driverDevices } from "../../src/drivers/driver-devices.ts";
import { DevicePlugin } from "../../src/gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import type { PodStatus } from "../../src/simulator/pod.ts";
import { numbersFrom } from "../../src/v4l2/device-ids.ts";
import { CameraFiles } from "./camera-files.ts";
import { eventually, quickCareTimes, type RunningPlugin, Scenario } from "./harness.ts";

/** Long enough for whatever the maintenance would do on its own. */
export const aWhile = quickCareTimes.graceMs + 4 * quickCareTimes.pollMs;

/** A kubelet's restart may take its time on a busy machine, and is over before its grace is all the same. */
export const unhurriedRestart = { ...quickCareTimes, restartGraceMs: 2500 };

/** Waits until the plugin has heard from the kubelet that a pod has a device, or so many times. */
export function heardOfPods({ log }: RunningPlugin, count = 1): Promise<void> {
  const taken = () => log.lines.filter(({ msg }) => msg === "Device owned by pod").length;
  return eventually(() => taken() >= count, "the kubelet's word of the pods");
}

/** A scenario whose cameras keep what was written to them. */
export class CameraNode extends Scenario {
  /** @param there They exist before the plugin starts. */
  cameras(count = 8, there = false, cleaning: Cleaning = "reset"): CameraFiles {
    return this.camerasOf(numbersFrom(10, count), [], there, cleaning);
  }

  /** Cameras of the wanted numbers, and of those that pods still have. */
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

  /** The plugin over these cameras, registered. */
  async started(
    driver: CameraFiles,
    options: Partial<Record<string, string>> = {},
    maintenanceTimes = quickCareTimes,
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

  /** Allocate as the kubelet calls it, with the status of a refusal. */
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
