import { BenchNode } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";

/**
 * At kubelets up to 1.36, from the end of the old instance's stream, as the kubelet sees it, to the list of the standby that
 * takes over; from 1.37 on, how long the standby holds a call.
 */
export const handOver: Measure = {
  name: "hand-over",
  async run({ binary, rounds }) {
    await using node = await BenchNode.registered(binary);
    const count = rounds(100, 15);
    const stopped: number[] = [];
    for (let round = count; round > 0; round--) stopped.push(await node.handOver("SIGTERM"));
    const killed: number[] = [];
    for (let round = count; round > 0; round--) killed.push(await node.handOver("SIGKILL"));
    await using keeping = await BenchNode.registered(binary, [], "1.37");
    const held: number[] = [];
    for (let round = rounds(50, 10); round > 0; round--)
      held.push(await keeping.allocateInHandOver());
    const aims = [{ statistic: "median", limit: 20 }] as const;
    return [
      row("hand-over: end of the old stream to list", "ms", stopped, aims),
      row("hand-over from 1.37 on: admission of a pod in it", "ms", held),
      row("hand-over after a crash: end of the old stream to list", "ms", killed),
    ];
  },
};
