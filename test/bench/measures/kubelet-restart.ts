import { BenchNode } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";

/** How long the kubelet is down at most, ms; random, so that it comes at any moment of the plugin's rounds. */
const longestDownMs = 300;

/** From the kubelet's socket being made again to a list of healthy devices at the new kubelet. */
export const kubeletRestart: Measure = {
  name: "restart",
  async run({ binary, rounds }) {
    await using node = await BenchNode.registered(binary);
    const samples: number[] = [];
    for (let round = rounds(100, 15); round > 0; round--) {
      samples.push(await node.restartKubelet(Math.random() * longestDownMs));
    }
    const aims = [
      { statistic: "median", limit: 250 },
      { statistic: "worst", limit: 1000 },
    ] as const;
    return [row("kubelet's socket made again to list", "ms", samples, aims)];
  },
};
