import { BenchNode } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";
import { cpuSecondsOf } from "../process-usage.ts";

/** How long start-up's last work (compilation, collection) may take, ms. */
const settleMs = 5000;

/** CPU time of a registered plugin that gets no request. */
export const idleCpu: Measure = {
  name: "cpu",
  async run({ binary, rounds }) {
    await using node = await BenchNode.registered(binary);
    await Bun.sleep(settleMs);
    const seconds = rounds(60, 15);
    const before = cpuSecondsOf(node.pid);
    await Bun.sleep(seconds * 1000);
    const share = ((cpuSecondsOf(node.pid) - before) / seconds) * 100;
    const aims = [{ statistic: "worst", limit: 0.3 }] as const;
    return [row(`CPU, idle for ${seconds} s`, "% of a core", [share], aims)];
  },
};
