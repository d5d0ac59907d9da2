import { defaultPool, type LoopbackPool } from "../../src/config/pool-config.ts";
import type { VideoDriver } from "../../src/drivers/driver.ts";
import type { Status } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { adminClient, statusOf } from "../support/admin-client.ts";
import { patienceMs } from "../support/eventually.ts";
import { type Parts, type RunningPlugin, Scenario } from "./harness.ts";

/** The resource names of the two pools. */
export const bots = "example.com/bots";
export const webcams = "example.com/webcams";

/** A node whose plugin has two pools: video10 to video12 for bots, video20 and video21 as webcams. */
export class PoolNode extends Scenario {
  /** @param drivers Instead of simulated drivers, by the pool's name. */
  pools(
    drivers: Readonly<Record<string, VideoDriver>> = {},
    resources: readonly string[] = [bots, webcams],
  ): NonNullable<Parts["pools"]> {
    const options = defaultPool(this.config({})).options;
    const of = (name: string, more: Partial<LoopbackPool["options"]>) => {
      const config: LoopbackPool = {
        ...{ kind: "loopback", name, cdi: "off" },
        options: { ...options, ...more },
      };
      const driver = drivers[name];
      return { config, ...(driver && { driver }) };
    };
    return [
      of("bots", { resourceName: resources[0] ?? "", maxDevices: 3 }),
      of("webcams", {
        ...{ resourceName: resources[1] ?? "", firstDeviceNumber: 20, maxDevices: 2 },
        ...{ containerDeviceEnv: "WEBCAM_DEVICE", containerDevicePath: "/dev/webcam{index}" },
      }),
    ];
  }

  /** Starts the plugin with both pools. */
  startPools(parts: Parts = {}): RunningPlugin {
    return this.startPlugin({}, { pools: this.pools(), ...parts });
  }

  /** Starts kubelet and plugin, and waits until the kubelet can allocate the devices of both pools. */
  async served(parts: Parts = {}): Promise<RunningPlugin> {
    const plugin = this.startPools(parts);
    if (!this.kubelet.running) await this.kubelet.start();
    await this.offered(3, 2);
    return plugin;
  }

  /** Waits until the kubelet can allocate so many devices of each pool. */
  offered(ofBots: number, ofWebcams: number): Promise<unknown> {
    const allocatable = (resource: string) => this.kubelet.resources(resource).allocatable;
    return this.kubelet.until(
      () => allocatable(bots) === ofBots && allocatable(webcams) === ofWebcams,
      patienceMs,
      `${ofBots} bots and ${ofWebcams} webcams`,
    );
  }

  /** Adds a pod whose container asks for so many devices of each pool. */
  pod(name: string, ofBots = 1, ofWebcams = 1) {
    const devices = {
      ...(ofBots > 0 && { [bots]: ofBots }),
      ...(ofWebcams > 0 && { [webcams]: ofWebcams }),
    };
    return this.kubelet.addPod({ name, containers: [{ name: "c", devices }] });
  }

  /** The status by the admin API. */
  status(): Promise<Status> {
    return statusOf(adminClient(this.adminSocket));
  }
}
