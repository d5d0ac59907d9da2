import { equal } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { EmbeddedKubelet } from "../../../src/simulator/kubelet.ts";
import { PATIENCE_MS } from "./eventually.ts";
import { GuestPlugin } from "./guest-plugin.ts";

/** The default directory of plugins' sockets. */
const PLUGINS = "/var/lib/kubelet/device-plugins";

/** All of the plugin's devices, with its defaults. */
export const ALL = Array.from({ length: 8 }, (_, index) => `video${10 + index}`);

/** A VM as a Kubernetes node: a kubelet at the usual place, and the plugin. */
export class GuestNode {
  readonly kubelet = new EmbeddedKubelet({
    dir: PLUGINS,
    podResourcesDir: "/var/lib/kubelet/pod-resources",
  });
  readonly plugin = new GuestPlugin();

  /** Waits until the node counts all 8 devices, and so many of them allocatable. */
  async allocatable(count: number): Promise<void> {
    await this.kubelet.until(
      () => {
        const seen = this.kubelet.resources();
        return seen.capacity === ALL.length && seen.allocatable === count;
      },
      PATIENCE_MS,
      `${count} of ${ALL.length}; the plugin's log ends:\n${this.plugin.log.tail()}\n`,
    );
  }

  /** Does something to devices that makes them all unhealthy at the kubelet, then healthy again. */
  async lostAndFound(ids: readonly string[], act: () => unknown): Promise<void> {
    let lost = false;
    const found = this.kubelet.until(
      () => {
        const health = ids.map((id) => this.kubelet.devices()[id]);
        lost ||= health.every((one) => one === "Unhealthy");
        return lost && health.every((one) => one === "Healthy");
      },
      PATIENCE_MS,
      `${ids.join()} lost and found`,
    );
    await Promise.all([act(), found]);
    await this.allocatable(ALL.length);
  }

  /** Names of the plugin's sockets, those of dead instances too. */
  sockets(): string[] {
    return readdirSync(PLUGINS).filter((name) => name.startsWith("video-device-plugin"));
  }

  /** Asks the plugin to end, which it must do well and soon. */
  async stopPlugin(): Promise<void> {
    const { code, ms } = await this.plugin.stop();
    equal(code, 0);
    // A second on a node; an emulated CPU that others use as well gets ten.
    equal(ms < 10_000, true, `SIGTERM took ${ms} ms`);
  }
}
