import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedNode } from "../contract/embedded-node.ts";
import { eventually } from "../contract/kubelet-scenarios-stage.ts";
import { bestOf } from "../support/best-of.ts";
import { patienceMs } from "../support/eventually.ts";
import { PluginBinary } from "../support/plugin-binary.ts";

let node: EmbeddedNode;
let plugin: PluginBinary;
beforeAll(async () => {
  node = new EmbeddedNode();
  plugin = new PluginBinary(node);
  await node.startKubelet();
  await plugin.start();
  await counts(8);
});
afterAll(async () => {
  await plugin.stop("SIGTERM");
  await node.close();
});

/** Waits until the kubelet offers that many devices; polls every 5 ms, since it measures times. */
async function counts(allocatable: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while ((await node.resources()).allocatable !== allocatable) {
    if (performance.now() > giveUpAt) throw new Error(`never ${allocatable} allocatable devices`);
    await Bun.sleep(5);
  }
}

/** Number and inode of each device node, which change if the camera is replaced. */
function nodes(): string[] {
  return readdirSync(plugin.simulatedDir)
    .filter((name) => name.startsWith("video"))
    .map((name) => `${name} ${statSync(join(plugin.simulatedDir, name)).ino}`);
}

/** Stops one instance and starts the next, as a DaemonSet does; returns the milliseconds from its start to all devices. */
async function replace(): Promise<number> {
  expect(await plugin.stop("SIGTERM")).toBe(0);
  await counts(0);
  const started = performance.now();
  await plugin.start();
  await counts(8);
  return performance.now() - started;
}

test("an upgrade under pods keeps their devices, and offers all within a second of its start", async () => {
  const pods = await Promise.all(
    [1, 2].map(async (devices) => {
      const name = `pod-${devices}`;
      await node.createPod({ name, devices });
      return eventually(async () => {
        const pod = await node.pod(name);
        if (pod?.phase !== "Running") throw new Error(`${name} is ${pod?.phase}`);
        return pod;
      }, patienceMs);
    }),
  );
  const held = await node.allocations();
  expect(Object.values(held).flat()).toHaveLength(3);
  const before = nodes();
  const camera = openSync(join(plugin.simulatedDir, held["pod-1"]?.[0] ?? ""), "r");
  try {
    await replace();
    await replace();
    // Some 130 ms on an idle machine.
    expect(await bestOf(1000, replace)).toBeLessThan(1000);
  } finally {
    closeSync(camera);
  }
  expect(nodes()).toEqual(before);
  expect(await node.allocations()).toEqual(held);
  for (const pod of pods) expect(await node.pod(pod.name)).toEqual(pod);
  const adopted = plugin.log.saying("Devices set up").slice(1);
  expect(adopted.length).toBeGreaterThanOrEqual(3);
  expect(adopted.flatMap((entry) => entry["created_device_ids"])).toEqual([]);
}, 60_000);
