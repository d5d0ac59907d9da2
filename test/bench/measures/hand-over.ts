import { BenchNode } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";

/** From the end of the old instance's stream, as the kubelet sees it, to the list of the standby that takes over. */
export const handOver: Measure = {
  name: "hand-over",
  async run({ binary, rounds }) {
    await using node = await BenchNode.registered(binary);
    const count = rounds(100, 15);
    const stopped: number[] = [];
    for (let round = count; round > 0; round--) stopped.push(await node.handOver("SIGTERM"));
    const killed: number[] = [];
    for (let round = count; round > 0; round--) killed.push(await node.handOver("SIGKILL"));
    const aims = [{ statistic: "median", limit: 20 }] as const;
    return [
      row("hand-over: end of the old stream to list", "ms", stopped, aims),
      row("hand-over after a crash: end of the old stream to list", "ms", killed),
    ];
  },
};
