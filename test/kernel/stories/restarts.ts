import { deepEqual, equal, ok } from "node:assert/strict";
import { countOpens } from "../../support/open-watch.ts";
import { identity, loaded, openDevices, query, rmmod } from "./cameras.ts";
import { eventually } from "./eventually.ts";
import { ALL, type GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

/** The plugin ends, well and badly, and comes again. */
export const restarts: Story = [
  {
    name: "on SIGTERM it ends with 0 and removes its socket; module and devices stay as they are",
    async run(node) {
      const before = ALL.map(identity);
      await node.stopPlugin();
      deepEqual(node.sockets(), []);
      deepEqual(loaded(["v4l2loopback"]), ["v4l2loopback"]);
      deepEqual(ALL.map(identity), before);
      await node.allocatable(0);
    },
  },
  {
    name: "started again it adopts all devices, and the kubelet counts 8 of 8",
    run: async (node) => adopts(node, "--health-check-interval=1", "--enable-metrics"),
  },
  {
    name: "its inspections open no device",
    async run() {
      const begin = await inspections();
      let held = 0;
      const opens = await countOpens(
        ALL.map((id) => `/dev/${id}`),
        () =>
          eventually("three inspections", async () => {
            held = Math.max(held, openDevices());
            return (await inspections()) >= begin + 3;
          }),
      );
      deepEqual({ held, opens }, { held: 0, opens: 0 });
    },
  },
  {
    name: "killed and started again it adopts all devices and removes the dead one's socket",
    async run(node) {
      const dead = node.sockets();
      await node.plugin.kill();
      await node.allocatable(0);
      await adopts(node);
      equal(dead.length, 1);
      equal(node.sockets().length, 1);
      ok(!node.sockets().includes(dead[0] ?? ""), "the dead one's socket is still there");
    },
  },
  {
    name: "with --remove-devices-on-exit it leaves devices that an earlier process created",
    async run(node) {
      await node.stopPlugin();
      await adopts(node, "--remove-devices-on-exit");
      const before = ALL.map(identity);
      await node.stopPlugin();
      deepEqual(ALL.map(identity), before);
      rmmod("v4l2loopback");
    },
  },
  {
    name: "with --remove-devices-on-exit it removes devices that it created, with the module it loaded",
    async run(node) {
      await node.allocatable(0);
      node.plugin.start("--remove-devices-on-exit");
      await node.allocatable(8);
      for (const pod of Object.keys(node.kubelet.allocations())) node.kubelet.removePod(pod);
      await node.stopPlugin();
      deepEqual(query(), []);
      deepEqual(loaded(["v4l2loopback"]), []);
    },
  },
];

async function adopts(node: GuestNode, ...flags: string[]): Promise<void> {
  const before = ALL.map(identity);
  node.plugin.start(...flags);
  await node.allocatable(8);
  deepEqual(
    node.plugin.log
      .saying("Devices set up")
      .map((entry) => [entry["created_device_ids"], entry["adopted_device_ids"]]),
    [[[], ALL]],
  );
  deepEqual(ALL.map(identity), before);
}

/** How often the plugin has inspected all devices, by its metrics. */
async function inspections(): Promise<number> {
  const answer = await fetch("http://127.0.0.1:8080/metrics");
  const count = /^video_device_plugin_inspection_duration_seconds_count (\d+)$/m;
  return Number(count.exec(await answer.text())?.[1]);
}
