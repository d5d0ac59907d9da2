import { deepEqual, equal, match } from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { linkName } from "../../../src/v4l2/video-node.ts";
import { parseQuery } from "../query.ts";
import { modprobe, removeDevice, run } from "./cameras.ts";
import { eventually } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import { has, isUnhealthy, offersLoopback, realPod, startReal, stopReal } from "./real-pool.ts";
import type { Story } from "./story.ts";
import { UsbCamera } from "./usb-cameras.ts";

/** What a container runtime makes of a device: a node of the number that the device has at that moment. */
const NODE = "/run/container/camera";

const mine = new UsbCamera({ port: 0, serial: "MINE", name: "Mine" });
const other = new UsbCamera({ port: 1, serial: "OTHER", name: "Other" });
const mineElsewhere = new UsbCamera({ port: 2, serial: "MINE", name: "Mine" });
const POD = "viewer";

/** A pod's node opens whatever has its number: while the pod runs, the plugin offers no other device that has the number. */
export const staleNode: Story = [
  {
    name: "a container's node opens the camera that its pod was allocated",
    async run(node) {
      modprobe("vhci-hcd");
      modprobe("uvcvideo");
      // Before v4l2loopback, so that the camera has the lowest numbers.
      await mine.plug();
      await eventually("the camera's nodes", () => linkName("/sys/class/video4linux/video1"));
      await node.kubelet.start();
      await startReal(node, { real: "select: [{ driver: uvcvideo }]" });
      await has(node, { [mine.id]: "Healthy" });
      equal(await realPod(node, POD), mine.id);
      mkdirSync("/run/container");
      run(["/bin/busybox", "mknod", NODE, "c", ...numberOf("video0").split(":")]);
      match(opened().card ?? "", /^Mine/);
    },
  },
  {
    name: "unplugged, the camera is unhealthy, and the node opens nothing",
    async run(node) {
      await mine.unplug();
      await has(node, { [mine.id]: "Unhealthy" });
      equal(opened().open, "ENXIO");
    },
  },
  {
    name: "another camera that gets the number is opened by the node, and is in no pod's reach",
    async run(node) {
      await other.plug();
      await isUnhealthy(node, other.id, "minor_in_use");
      match(opened().card ?? "", /^Other/);
      await has(node, { [mine.id]: "Unhealthy", [other.id]: "Unhealthy" });
      equal(detailOf(node, other.id).includes(POD), true, detailOf(node, other.id));
    },
  },
  {
    name: "so is a loopback device that is created with the number",
    async run(node) {
      await other.unplug();
      await isUnhealthy(node, other.id, "unplugged");
      removeDevice("video11");
      await isUnhealthy(node, "video11", "minor_in_use");
      equal(opened().driver, "v4l2 loopback");
    },
  },
  {
    name: "the pod's camera is healthy again under another number, and its link leads there",
    async run(node) {
      await mineElsewhere.plug();
      await has(node, { [mine.id]: "Healthy", [other.id]: "Unhealthy" });
      const now = linkName(`/run/video-device-plugin/devices/${mine.id}`) ?? "";
      deepEqual(numberOf(now) === numberOf("video11"), false);
      equal(opened().driver, "v4l2 loopback");
    },
  },
  {
    name: "after the pod's end both numbers are anyone's again",
    async run(node) {
      node.kubelet.removePod(POD);
      await offersLoopback(node);
      await other.plug();
      await has(node, { [mine.id]: "Healthy", [other.id]: "Healthy" });
      await stopReal(node);
      await Promise.all([mineElsewhere.unplug(), other.unplug()]);
    },
  },
];

/** `81:0` */
function numberOf(node: string): string {
  return readFileSync(`/sys/class/video4linux/${node}/dev`, "utf8").trim();
}

/** What the container's node opens now, by the checker that shares no code with the plugin. */
function opened() {
  const [device] = parseQuery(run(["/bin/v4l2-tool", "query", NODE]));
  if (device === undefined) throw new Error("no answer");
  return device;
}

function detailOf({ plugin }: GuestNode, id: string): string {
  const said = plugin.log.saying("Device unhealthy").filter((entry) => entry["device_id"] === id);
  return String(said.at(-1)?.["detail"]);
}
