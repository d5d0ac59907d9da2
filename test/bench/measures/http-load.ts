import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { BenchNode } from "../bench-node.ts";
import type { LoadKind, LoadReport, LoadTarget } from "../http-load.ts";
import { type Measure, type Row, row } from "../measure.ts";
import { PluginCaller, timeCalls } from "../plugin-caller.ts";
import { cpuSecondsOf, memoryOf } from "../process-usage.ts";
import { summarise } from "../statistics.ts";

const loads: readonly (readonly [LoadKind, string])[] = [
  ["scrapes", "1,000 scrapes/s"],
  ["slow-readers", "100 slow readers of /"],
  ["slowloris", "200 half heads"],
  ["garbage", "garbage and bodies of 10 MB by 20"],
  ["watchers", "100 watches without a reader"],
  ["cordons", "cordon and uncordon by two CLIs at once"],
  ["commands", "two CLIs at once that do not call it, for comparison"],
];

/** Between two looks at the memory, ms. */
const lookAtMemoryMs = 50;

/** What the manifests let the container have, 128 MiB, in MB. */
const limitMb = 134;

/** How often idle and load take turns, so that a busy moment of the machine meets both alike. */
const turns = 5;

/** How long a load takes to reach its level, ms. */
const rampMs = 1000;

/** How long the load's own cost is measured, ms. */
const lookMs = 2000;

/** Allocate as a kubelet sees it, while clients overload the HTTP port or the admin socket. */
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
  await timeCalls(() => caller.allocate(), 3000, 4);
  const before = memoryOf(node.pid);
  let most = 0;
  const looking = setInterval(() => {
    most = Math.max(most, memoryOf(node.pid).anonymous);
  }, lookAtMemoryMs);
  const idle: number[] = [];
  const loaded: number[] = [];
  const perSecond: number[] = [];
  const cpu: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    idle.push(...(await timeCalls(() => caller.allocate(), calls)));
    const load = startLoad(kind, { port, adminSocket: node.adminSocket, binary });
    await Bun.sleep(rampMs);
    const usedBefore = cpuSecondsOf(node.pid);
    const lookedFrom = performance.now();
    await Bun.sleep(lookMs);
    const lookedFor = (performance.now() - lookedFrom) / 1000;
    cpu.push(((cpuSecondsOf(node.pid) - usedBefore) / lookedFor) * 100);
    loaded.push(...(await timeCalls(() => caller.allocate(), calls)));
    const { answers, seconds } = await load.stop();
    perSecond.push(answers / seconds);
  }
  clearInterval(looking);
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
    row("  resident memory, the most it was", "MB", [after.peak]),
    row(
      "  anonymous memory, the most seen",
      "MB",
      [most],
      [{ statistic: "worst", limit: limitMb }],
    ),
  ];
}

/** A load in a process of its own. */
function startLoad(
  kind: LoadKind,
  { port, adminSocket, binary }: LoadTarget,
): { stop(): Promise<LoadReport> } {
  const program = join(import.meta.dir, "..", "http-load.ts");
  const child = Bun.spawn([process.execPath, program, kind, String(port), adminSocket, binary], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  return {
    stop: async () => {
      child.stdin.end();
      return (await new Response(child.stdout).json()) as LoadReport;
    },
  };
}
