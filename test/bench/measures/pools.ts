import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BenchNode, deviceCount } from "../bench-node.ts";
import { type Measure, row } from "../measure.ts";
import { cpuSecondsOf, memoryOf } from "../process-usage.ts";

/** How long start-up's last work (compilation, collection) may take, ms. */
const settleMs = 10_000;

/** With one pool, to compare with, and with as many as a node may well have. */
const [fewest, most] = [1, 4];

/** What more pools cost a process that gets no request: its memory in turns with one pool and with four, and its CPU time with four. */
export const pools: Measure = {
  name: "pools",
  async run({ binary, rounds, progress }) {
    const seconds = rounds(60, 15);
    const perPool: number[] = [];
    const shares: number[] = [];
    for (let round = 1; round <= rounds(5, 1); round++) {
      const few = await usageWith(fewest, binary, 0);
      const many = await usageWith(most, binary, seconds);
      perPool.push((many.anonymous - few.anonymous) / (most - fewest));
      shares.push(many.cpuShare);
      progress(`${few.anonymous.toFixed(1)} and ${many.anonymous.toFixed(1)} MB anonymous`);
    }
    const memoryAims = [{ statistic: "median", limit: 1 }] as const;
    const cpuAims = [{ statistic: "worst", limit: 0.5 }] as const;
    return [
      row(`anonymous memory per further pool, ${most} in all`, "MB", perPool, memoryAims),
      row(`CPU with ${most} pools, idle for ${seconds} s`, "% of a core", shares, cpuAims),
    ];
  },
};

/** What a process with so many pools has in anonymous memory, MB, and then uses of a core in so many seconds, %. */
async function usageWith(count: number, binary: string, seconds: number) {
  await using node = new BenchNode(binary);
  await node.kubelet.start();
  const resources = Array.from({ length: count }, (_, index) => `example.com/pool-${index}`);
  const file = join(dirname(node.adminSocket), "pools.yaml");
  writeFileSync(file, poolsFile(resources));
  const lists = resources.map((resource) =>
    node.next(
      `a list of ${resource}`,
      (event) =>
        event.type === "list_received" &&
        event.resource === resource &&
        event.healthy === deviceCount,
    ),
  );
  await node.startPlugin([`--config=${file}`]);
  await Promise.all(lists);
  await Bun.sleep(settleMs);
  const { anonymous } = memoryOf(node.pid);
  const before = cpuSecondsOf(node.pid);
  await Bun.sleep(seconds * 1000);
  const cpuShare = ((cpuSecondsOf(node.pid) - before) / seconds) * 100;
  return { anonymous, cpuShare };
}

function poolsFile(resources: readonly string[]): string {
  const entries = resources.map(
    (resource, index) =>
      `  - { name: pool-${index}, resource: ${resource}, loopback: { count: ${deviceCount}, firstNumber: ${10 + index * deviceCount} } }\n`,
  );
  return `apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:\n${entries.join("")}`;
}
