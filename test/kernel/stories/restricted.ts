import { deepEqual, equal } from "node:assert/strict";
import { rmSync } from "node:fs";
import { identity, loaded, passFrames, rmmod, run } from "./cameras.ts";
import { ALL, type GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

/** Somebody else makes the devices, and the plugin only looks at them. Begins and ends without the module. */
export const restricted: Story = [
  {
    name: "setup loads the module, makes all devices and ends with 0; again, it adopts them",
    async run() {
      deepEqual(loaded(["v4l2loopback"]), []);
      deepEqual(setup(), { created: ALL, adopted: [], failed: [] });
      const before = ALL.map(identity);
      deepEqual(setup(), { created: [], adopted: ALL, failed: [] });
      deepEqual(ALL.map(identity), before);
    },
  },
  {
    name: "a plugin that manages no devices offers what setup made, with /sys read-only, and touches nothing",
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
    name: "it tells of a node that went, which stays away until setup makes it again",
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
    name: "it tells of a module that went, and all devices with it",
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

/** What `setup` tells of the devices. */
function setup(): { created: unknown; adopted: unknown; failed: unknown } {
  const lines = run(["/usr/bin/video-device-plugin", "setup"]).trim().split("\n");
  const told = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "Devices set up");
  return {
    created: told?.created_device_ids,
    adopted: told?.adopted_device_ids,
    failed: told?.failed_device_ids,
  };
}
