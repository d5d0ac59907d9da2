import { deepEqual, equal } from "node:assert/strict";
import { rmSync } from "node:fs";
import { identity, loaded, passFrames, rmmod, run } from "./cameras.ts";
import { ALL, type GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

/** The plugin manages no devices: setup creates them. Begins and ends without the module. */
export const restricted: Story = [
  {
    name: "setup loads the module, creates all devices and ends with 0; a second run adopts them",
    async run() {
      deepEqual(loaded(["v4l2loopback"]), []);
      deepEqual(setup(), { created: ALL, adopted: [], failed: [] });
      const before = ALL.map(identity);
      deepEqual(setup(), { created: [], adopted: ALL, failed: [] });
      deepEqual(ALL.map(identity), before);
    },
  },
  {
    name: "a plugin that manages no devices offers those of setup, with /sys read-only, and changes nothing",
    async run(node) {
      const before = ALL.map(identity);
      run(["/bin/busybox", "mount", "-o", "remount,ro", "/sys"]);
      node.plugin.start("--no-manage-devices", "--health-check-interval=1");
      await node.allocatable(8);
      await passFrames("/dev/video12", () => equal(healthy(node), 8));
      await Bun.sleep(3000);
      equal(healthy(node), 8);
      deepEqual(ALL.map(identity), before);
    },
  },
  {
    name: "it reports a deleted node, which stays missing until setup makes it again",
    async run(node) {
      rmSync("/dev/video13");
      await node.allocatable(7);
      await Bun.sleep(3000);
      equal(healthy(node), 7);
      run(["/bin/busybox", "mount", "-o", "remount,rw", "/sys"]);
      deepEqual(setup().failed, []);
      await node.allocatable(8);
    },
  },
  {
    name: "it reports an unloaded module, and all devices as unhealthy",
    async run(node) {
      rmmod("v4l2loopback");
      await node.allocatable(0);
      await node.stopPlugin();
      deepEqual(loaded(["v4l2loopback"]), []);
    },
  },
];

function healthy(node: GuestNode): number {
  return node.kubelet.resources().allocatable;
}

/** What `setup` reports about the devices. */
function setup(): { created: unknown; adopted: unknown; failed: unknown } {
  const lines = run(["/usr/bin/video-device-plugin", "setup"]).trim().split("\n");
  const event = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "Devices set up");
  return {
    created: event?.created_device_ids,
    adopted: event?.adopted_device_ids,
    failed: event?.failed_device_ids,
  };
}
