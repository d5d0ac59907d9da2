import { BenchNode } from "../bench-node.ts";
import { type Measure, type Row, row } from "../measure.ts";
import { PluginCaller, timeCalls } from "../plugin-caller.ts";
import { cpuSecondsOf } from "../process-usage.ts";

/** How many calls are under way at once in the crowded case. */
const crowd = 64;

/** Batches that throughput is measured over, one sample each. */
const batches = 10;

/**
 * Allocate as a caller sees it, one at a time and many at once. The caller is a Bun process on the same
 * machine and part of every time; an empty call shows how much of it that is.
 */
export const allocate: Measure = {
  name: "allocate",
  async run({ binary, rounds }) {
    const calls = rounds(10_000, 2_000);
    const logging = await calledAt(binary, calls);
    const silent = await calledAt(binary, calls, ["--log-level=error"]);
    const aims = [
      { statistic: "median", limit: 0.3 },
      { statistic: "p99", limit: 1.5 },
    ] as const;
    return [
      row("Allocate, one at a time", "ms", logging.alone, aims),
      row("  without its log lines", "ms", silent.alone),
      row("  empty call (options)", "ms", logging.empty),
      row("  plugin's CPU time per call", "µs", logging.cpu),
      ...crowded(`Allocate, ${crowd} in flight`, logging),
      ...crowded("  without its log lines", silent),
    ];
  },
};

interface Times {
  readonly empty: number[];
  readonly alone: number[];
  /** The plugin's share of `alone`, µs per call, one sample a batch. */
  readonly cpu: number[];
  readonly crowded: number[];
  readonly perSecond: number[];
}

async function calledAt(binary: string, calls: number, options: string[] = []): Promise<Times> {
  await using node = await BenchNode.registered(binary, options);
  using caller = new PluginCaller(node.pluginSocket);
  // Until both sides' hot code is compiled.
  await timeCalls(() => caller.allocate(), 3000, 4);
  await timeCalls(caller.options, 1000);
  // In turns, so that a busy moment of the machine meets both alike.
  const empty: number[] = [];
  const alone: number[] = [];
  const cpu: number[] = [];
  const crowded: number[] = [];
  const perSecond: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    empty.push(...(await timeCalls(caller.options, calls / batches)));
    const usedBefore = cpuSecondsOf(node.pid);
    alone.push(...(await timeCalls(() => caller.allocate(), calls / batches)));
    cpu.push(((cpuSecondsOf(node.pid) - usedBefore) / (calls / batches)) * 1e6);
    const started = performance.now();
    crowded.push(...(await timeCalls(() => caller.allocate(), calls / batches, crowd)));
    perSecond.push(calls / batches / ((performance.now() - started) / 1000));
  }
  return { empty, alone, cpu, crowded, perSecond };
}

function crowded(what: string, times: Times): Row[] {
  return [
    row(what, "ms", times.crowded),
    row(`${what}: throughput`, "calls/s", times.perSecond, [], "more"),
  ];
}
