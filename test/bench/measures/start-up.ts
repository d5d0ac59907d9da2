import { BenchNode } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";

/** From before the process is made to the first list at a kubelet that waits for it. */
export const startUp: Measure = {
  name: "start",
  async run({ binary, rounds }) {
    await using node = new BenchNode(binary);
    await node.kubelet.start();
    // The first start reads the program from the disk.
    await node.startPlugin();
    const samples: number[] = [];
    for (let round = rounds(20, 5); round > 0; round--) {
      await node.stopPlugin();
      samples.push(await node.startPlugin());
    }
    const aims = [{ statistic: "median", limit: 150 }] as const;
    return [row("process start to first list", "ms", samples, aims)];
  },
};
