import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { BenchNode } from "../bench-node.ts";
import type { LoadKind, LoadReport } from "../http-load.ts";
import { type Measure, type Row, row } from "../measure.ts";
import { PluginCaller, timeCalls } from "../plugin-caller.ts";
import { cpuSecondsOf, memoryOf } from "../process-usage.ts";
import { summarise } from "../statistics.ts";

const loads: readonly (readonly [LoadKind, string])[] = [
  ["scrapes", "1,000 scrapes/s"],
  ["slow-readers", "100 slow readers of /"],
  ["slowloris", "200 half heads"],
];

/** How often idle and load take turns, so that a busy moment of the machine meets both alike. */
const turns = 5;

/** How long a load takes to reach its level, ms. */
const rampMs = 1000;

/** How long the load's own cost is looked at, ms. */
const lookMs = 2000;

/** Allocate as a kubelet sees it, while somebody asks too much of the HTTP port. */
export const httpLoad: Measure = {
  name: "http",
  async run({ binary, rounds, progress }) {
    const calls = rounds(2000, 400);
    const rows: Row[] = [];
    for (const [kind, what] of loads) {
      progress(what);
      rows.push(...(await measured(binary, kind, what, calls)));
    }
    return rows;
  },
};

async function measured(
  binary: string,
  kind: LoadKind,
  what: string,
  calls: number,
): Promise<Row[]> {
  const port = freePort();
  await using node = await BenchNode.registered(binary, [
    "--enable-metrics",
    "--metrics-address=127.0.0.1",
    `--metrics-port=${port}`,
  ]);
  using caller = new PluginCaller(node.pluginSocket);
  // Until both sides' hot code is compiled.
  await timeCalls(caller.allocate, 3000, 4);
  const before = memoryOf(node.pid);
  const idle: number[] = [];
  const loaded: number[] = [];
  const perSecond: number[] = [];
  const cpu: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    idle.push(...(await timeCalls(caller.allocate, calls)));
    const load = startLoad(kind, port);
    await Bun.sleep(rampMs);
    const usedBefore = cpuSecondsOf(node.pid);
    const lookedFrom = performance.now();
    await Bun.sleep(lookMs);
    const lookedFor = (performance.now() - lookedFrom) / 1000;
    cpu.push(((cpuSecondsOf(node.pid) - usedBefore) / lookedFor) * 100);
    loaded.push(...(await timeCalls(caller.allocate, calls)));
    const { answers, seconds } = await load.stop();
    perSecond.push(answers / seconds);
  }
  const after = memoryOf(node.pid);
  const ratio = summarise(loaded, "less").p99 / summarise(idle, "less").p99;
  return [
    row("Allocate, HTTP idle", "ms", idle),
    row(`Allocate, ${what}`, "ms", loaded),
    row("  its p99 over that of idle", "×", [ratio], [{ statistic: "worst", limit: 2 }]),
    row("  answers", "1/s", perSecond, [], "more"),
    row("  plugin's CPU for it alone", "% of a core", cpu),
    row("  resident memory, before", "MB", [before.rss]),
    row("  resident memory, after", "MB", [after.rss]),
  ];
}

/** A load in a process of its own. */
function startLoad(kind: LoadKind, port: number): { stop(): Promise<LoadReport> } {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "..", "http-load.ts"), kind, String(port)],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  return {
    stop: async () => {
      child.stdin.end();
      return (await new Response(child.stdout).json()) as LoadReport;
    },
  };
}
