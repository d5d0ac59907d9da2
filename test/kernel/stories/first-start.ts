import { deepEqual, equal } from "node:assert/strict";
import { rmSync } from "node:fs";
import { roleOf } from "../query.ts";
import { loaded, modeOf, moduleParameter, query } from "./cameras.ts";
import { ALL } from "./guest-node.ts";
import type { Story } from "./story.ts";

const MODULES = ["mc", "videodev", "v4l2loopback"];

/** Not the module's own default, which is 2: the test must see that the option reaches the module. */
const BUFFERS = 3;

/** Longer than the story: the plugin learns of every change by events, not by its inspections. */
const INTERVAL_SECONDS = 3600;

/** A node comes up, and the plugin makes its devices. */
export const firstStart: Story = [
  {
    name: "before the plugin starts no video module is loaded, and no program could load one",
    async run() {
      for (const tool of ["/sbin/modprobe", "/bin/modprobe", "/bin/insmod"]) rmSync(tool);
      for (const name of ["modprobe", "insmod", "kmod"]) equal(Bun.which(name), null);
      deepEqual(loaded(MODULES), []);
      deepEqual(query(), []);
    },
  },
  {
    name: "its first start loads mc, videodev and v4l2loopback, and the kubelet counts 8 of 8",
    async run(node) {
      await node.kubelet.start();
      node.plugin.start(
        `--v4l2-max-buffers=${BUFFERS}`,
        `--health-check-interval=${INTERVAL_SECONDS}`,
      );
      await node.allocatable(8);
      deepEqual(loaded(MODULES), MODULES);
      const [setUp, ...more] = node.plugin.log.saying("Devices set up");
      deepEqual(setUp?.["created_device_ids"], ALL);
      deepEqual(more, []);
    },
  },
  {
    name: "video10 to video17 are v4l2loopback's, and there are no others",
    async run() {
      const devices = query();
      deepEqual(
        devices.map(({ device }) => device),
        ALL.map((id) => `/dev/${id}`),
      );
      for (const { driver } of devices) equal(driver, "v4l2 loopback");
    },
  },
  {
    name: "every card label is MeetingBot_WebCam to the letter",
    async run() {
      for (const { card } of query()) equal(card, "MeetingBot_WebCam");
    },
  },
  {
    name: "every device has exclusive caps: without a writer it offers output only",
    async run() {
      for (const device of query()) equal(roleOf(device), "output");
    },
  },
  {
    name: "every node has mode 0666",
    async run() {
      for (const id of ALL) equal(modeOf(id), 0o666);
    },
  },
  {
    name: "the devices have the number of buffers that was asked for",
    async run() {
      equal(moduleParameter("max_buffers"), String(BUFFERS));
    },
  },
];
