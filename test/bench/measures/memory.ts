import { BenchNode } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";
import { PluginCaller, timeCalls } from "../plugin-caller.ts";
import { memoryOf } from "../process-usage.ts";

/** How long the process is left alone before its idle memory is read, ms. */
const settleMs = 10_000;

/** How long the kubelet stays down in each of many restarts, ms. */
const downMs = 20;

/** Readings on the way through the restarts. */
const readings = 4;

/**
 * How much anonymous memory may differ between the middle and the end of the restarts, MB: the collector's
 * comings and goings. A leak of 10 kB a restart would be 5 MB.
 */
const flatMb = 5;

/** Memory after doing nothing, after many calls, and on the way through many kubelets. */
export const memory: Measure = {
  name: "memory",
  async run({ binary, rounds, progress }) {
    await using node = await BenchNode.registered(binary);
    await Bun.sleep(settleMs);
    const idle = memoryOf(node.pid);

    const calls = rounds(20_000, 4_000);
    {
      using caller = new PluginCaller(node.pluginSocket);
      await timeCalls(() => caller.allocate(), calls, 8);
    }
    const called = memoryOf(node.pid);

    const restarts = rounds(1000, 100);
    const anonymous: number[] = [];
    const resident: number[] = [];
    for (let restart = 1; restart <= restarts; restart++) {
      await node.restartKubelet(downMs);
      if (restart % (restarts / readings) !== 0) continue;
      const now = memoryOf(node.pid);
      anonymous.push(now.anonymous);
      resident.push(now.rss);
      progress(`${restart} restarts, anonymous ${now.anonymous.toFixed(1)} MB`);
    }
    const [, halfway = 0, , end = 0] = anonymous;
    await Bun.sleep(settleMs);
    const rested = memoryOf(node.pid);

    const upTo = (limit: number) => [{ statistic: "worst", limit }] as const;
    return [
      row("resident memory, idle", "MB", [idle.rss], upTo(60)),
      row("anonymous memory, idle", "MB", [idle.anonymous], upTo(14)),
      row(`resident memory after ${calls} Allocates`, "MB", [called.rss], upTo(100)),
      row(`anonymous memory after ${calls} Allocates`, "MB", [called.anonymous]),
      row(`resident memory over ${restarts} restarts`, "MB", resident, upTo(100)),
      ...anonymous.map((value, index) =>
        row(`  anonymous after ${((index + 1) * restarts) / readings}`, "MB", [value]),
      ),
      row("  anonymous, second half's growth", "MB", [end - halfway], upTo(flatMb)),
      row("  resident, left alone afterwards", "MB", [rested.rss]),
      row("  anonymous, left alone afterwards", "MB", [rested.anonymous]),
    ];
  },
};
