import { rmSync } from "node:fs";
import { defaultFlapPolicy } from "../../../src/devices/inventory/device-status.ts";
import { BenchNode, deviceCount } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";

/** Losses of each device that a plugin gets over without suspecting a defect. */
const lossesEach = defaultFlapPolicy.toleratedRecoveries;

/** Pause between a recovery and the next loss, ms: the plugin is idle when a device is lost. */
const calmMs = 50;

/** From a device's node being deleted to the kubelet knowing, and on to the device being offered again. */
export const deviceLoss: Measure = {
  name: "loss",
  async run({ binary, rounds }) {
    await using node = await BenchNode.registered(binary);
    const wanted = rounds(50, 8);
    const lost: number[] = [];
    const healed: number[] = [];
    for (let round = 0; round < wanted; round++) {
      if (round > 0 && round % (deviceCount * lossesEach) === 0) {
        await node.stopPlugin();
        await node.startPlugin();
      }
      await Bun.sleep(calmMs);
      const unhealthy = node.listed(deviceCount - 1);
      const healthy = node.listed(deviceCount);
      const deleted = node.kubelet.events.elapsedMs();
      rmSync(node.devicePath(`video${10 + (round % deviceCount)}`));
      const [{ atMs: lostAt }, { atMs: healedAt }] = await Promise.all([unhealthy, healthy]);
      lost.push(lostAt - deleted);
      healed.push(healedAt - deleted);
    }
    const aims = [{ statistic: "median", limit: 100 }] as const;
    return [
      row("device node deleted to Unhealthy", "ms", lost, aims),
      row("device node deleted to Healthy again", "ms", healed),
    ];
  },
};
