import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeWebcams } from "../../support/fake-webcams.ts";
import { BenchNode } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";

/** Pause before each plug and each unplug, ms: longer than the plugin waits between two lists for plugs. */
const calmMs = 900;

/**
 * From the uevent of a USB camera that is plugged in or unplugged to the kubelet knowing. As root: see {@link FakeWebcams}. Each
 * camera is plugged in as a new one, which the plugin has to ask what it is, and then as one that it knows.
 */
export const cameraPlug: Measure = {
  name: "plug",
  async run({ binary, rounds, progress }) {
    if (process.getuid?.() !== 0) {
      progress("plug: left out, since only root can send uevents");
      return [];
    }
    using webcams = new FakeWebcams();
    await using node = new BenchNode(binary);
    await node.kubelet.start();
    const file = join(webcams.deviceDir, "pools.yaml");
    writeFileSync(file, pools(node.kubelet.resourceName));
    const places = [
      `--device-dir=${webcams.deviceDir}`,
      `--sysfs-dir=${webcams.sysfsDir}`,
      `--cdi-dir=${join(webcams.deviceDir, "cdi")}`,
    ];
    await node.startPlugin([`--config=${file}`, ...places, "--health-check-interval=3600"], 0);
    const isNew: number[] = [];
    const again: number[] = [];
    const unplugged: number[] = [];
    for (let port = 1; port <= rounds(40, 5); port++) {
      for (const times of [isNew, again]) {
        await Bun.sleep(calmMs);
        const healthy = node.listed(1);
        webcams.plug(port);
        const pluggedAt = node.kubelet.events.elapsedMs();
        times.push((await healthy).atMs - pluggedAt);
        await Bun.sleep(calmMs);
        const unhealthy = node.listed(0);
        const pulledAt = node.kubelet.events.elapsedMs();
        webcams.unplug(port);
        unplugged.push((await unhealthy).atMs - pulledAt);
      }
    }
    const plugAims = [{ statistic: "median", limit: 1000 }] as const;
    const unplugAims = [{ statistic: "median", limit: 100 }] as const;
    return [
      row("new camera plugged in, last uevent to Healthy", "ms", isNew, plugAims),
      row("known camera plugged in, last uevent to Healthy", "ms", again, plugAims),
      row("camera unplugged to Unhealthy", "ms", unplugged, unplugAims),
    ];
  },
};

function pools(resource: string): string {
  return `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  - { name: webcams, resource: ${resource}, devices: { select: [{ driver: uvcvideo }] } }
`;
}
