import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { identity, removeDevice, rmmod, run } from "./cameras.ts";
import { eventually } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

const POD = "recorder";
const INTERVAL = "--pod-resources-interval=1";

/** The kernel reuses minors: devices that are removed and created in another order exchange their numbers. */
export const numbers: Story = [
  {
    name: "the device number of a pod's device is in the state directory",
    async run(node) {
      await node.kubelet.start();
      node.plugin.start(INTERVAL);
      await node.allocatable(8);
      await node.kubelet.addPod({ name: POD, containers: [{ name: "app", devices: 1 }] });
      deepEqual(node.kubelet.allocations()[POD], ["video10"]);
      const file = "/var/lib/video-device-plugin/pod-numbers.json";
      const expected = [{ device: "video10", numbers: [numberOf("video10")] }];
      await eventually("the number in the file", () => {
        deepEqual(JSON.parse(readFileSync(file, "utf8")).devices, expected);
        return true;
      });
    },
  },
  {
    name: "video10 and video12, removed and added in the other order, exchange their numbers",
    async run(node) {
      await node.stopPlugin();
      const former = numberOf("video10");
      for (const id of ["video10", "video12"]) removeDevice(id);
      for (const number of ["12", "10"]) {
        run(["/usr/bin/video-device-plugin", "devices", "add", "--number", number]);
      }
      equal(numberOf("video12"), former);
      notEqual(numberOf("video10"), former);
    },
  },
  {
    name: "the next plugin does not offer video12, whose number the pod's container has, until the pod has ended",
    async run(node) {
      node.plugin.start(INTERVAL);
      await node.allocatable(7);
      equal(node.kubelet.devices()["video12"], "Unhealthy");
      const [held, ...more] = node.plugin.log.saying("Device unhealthy");
      deepEqual(more, []);
      equal(held?.["device_id"], "video12");
      equal(held?.["reason"], "minor_in_use");
      match(String(held?.["detail"]), new RegExp(`${numberOf("video12")}, which video10 had`));
      await othersGoTo(node);
      for (const pod of Object.keys(node.kubelet.allocations())) node.kubelet.removePod(pod);
      await node.allocatable(8);
      await node.stopPlugin();
      rmmod("v4l2loopback");
    },
  },
];

/** `81:0`, from the device's node. */
function numberOf(id: string): string {
  const { rdev } = identity(id);
  return `${rdev >> 8}:${rdev & 0xff}`;
}

/** The next pods get the devices before and after video12. */
async function othersGoTo({ kubelet, plugin }: GuestNode): Promise<void> {
  // An Allocate that has to reset a device first may take too long on an emulated CPU.
  const reset = () => plugin.log.saying("Device reset").map(({ device_id: id }) => id);
  await eventually("clean devices", () =>
    ["video11", "video13"].every((id) => reset().includes(id)),
  );
  for (const [name, id] of [
    ["second", "video11"],
    ["third", "video13"],
  ] as const) {
    await kubelet.addPod({ name, containers: [{ name: "app", devices: 1 }] });
    deepEqual(kubelet.allocations()[name], [id]);
  }
}
