import { statSync } from "node:fs";
import { defaultMaintenanceTimes } from "../../../src/devices/maintenance/maintenance-times.ts";
import { BenchNode, deviceCount } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";
import { PluginCaller, timeCalls } from "../plugin-caller.ts";

/**
 * Longer than the plugin takes a second Allocate for one of the same pod, ms. Much shorter than the time after which
 * it would reset the device on its own.
 */
const pauseMs = defaultMaintenanceTimes.reallocateMs + 20;

const ids = Array.from({ length: deviceCount }, (_, index) => `video${10 + index}`);

/**
 * Allocate of a device that another pod had before: the plugin asks the kubelet whether a pod still owns it, looks
 * whether a process holds it open, and resets it before it answers.
 */
export const allocateReset: Measure = {
  name: "allocate-reset",
  async run({ binary, rounds }) {
    await using node = await BenchNode.registered(binary);
    using caller = new PluginCaller(node.pluginSocket);
    // Until both sides' hot code is compiled.
    await timeCalls(() => caller.allocate(), 1000, 4);
    for (const id of ids) await caller.allocate(id);
    const samples: number[] = [];
    for (let left = rounds(50, 10); left > 0; left--) {
      await Bun.sleep(pauseMs);
      for (const id of ids) {
        const before = changedAt(node, id);
        samples.push(...(await timeCalls(() => caller.allocate(id), 1)));
        if (changedAt(node, id) === before) throw new Error(`${id} was not reset`);
      }
    }
    return [row("Allocate of a device that needs a reset", "ms", samples)];
  },
};

/** A reset makes the node of a simulated device again. */
function changedAt(node: BenchNode, id: string): number {
  return statSync(node.devicePath(id)).ctimeMs;
}
