import { expect, test } from "bun:test";
import type { PoolConfig } from "../pool-config.ts";
import { poolChanges } from "./pool-changes.ts";
import { readPools } from "./read-pools.ts";

function pools(list: string): PoolConfig[] {
  const text = `apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:\n${list}`;
  const read = readPools("p.yaml", text, { lookupGroup: () => undefined }, {});
  expect(read.problems).toEqual([]);
  return read.pools.map(({ pool }) => pool);
}

const bots = "- { name: bots, resource: a.b/bots, loopback: { count: 2 } }\n";
const webcams =
  "- { name: webcams, resource: a.b/webcams, devices: { select: [{ driver: uvcvideo }] } }\n";

test.each([
  ["a default that is written out", bots.replace("count: 2", "count: 2, firstNumber: 10"), []],
  ["the nodes", bots.replace("loopback", 'onNodes: ["*"], loopback'), []],
  ["a comment", `# two\n${bots}`, []],
  ["a number", bots.replace("2", "3"), ["bots: loopback.count"]],
  [
    "two fields",
    bots.replace("2 }", '3 }, container: { path: "/dev/camera{index}" }'),
    ["bots: loopback.count", "bots: container.path"],
  ],
  ["the resource", bots.replace("a.b/bots", "a.b/cameras"), ["bots: resource"]],
  ["ready cameras", bots.replace("2 }", "2 }, ready: {}"), ["bots: ready"]],
  ["the name", bots.replace("bots,", "doors,"), ["bots: removed", "doors: added"]],
  ["a further pool", bots + webcams, ["webcams: added"]],
])("%s: what a restart would apply", (_, changed, expected) => {
  expect(poolChanges(pools(bots), pools(changed))).toEqual(expected);
});

test("a list counts as one value, and the order of pools as a change", () => {
  const before = pools(bots + webcams);
  const others = webcams.replace("[{ driver: uvcvideo }]", "[{ driver: uvcvideo }, { card: A* }]");
  const after = pools(bots + others.replace("devices: {", "devices: { expect: 2,"));
  expect(poolChanges(before, after)).toEqual([
    ...["webcams: devices.select", "webcams: devices.expect"],
  ]);
  expect(poolChanges(before, before.toReversed())).toEqual(["order of the pools"]);
  expect(poolChanges(before, [])).toEqual(["bots: removed", "webcams: removed"]);
});
