import { deepEqual, equal } from "node:assert/strict";
import { rmSync } from "node:fs";
import type { ModuleVersion } from "../provision.ts";
import { roleOf } from "../query.ts";
import { identity, modeOf, openDevices, query, removeDevice, rmmod } from "./cameras.ts";
import { ALL } from "./guest-node.ts";
import type { Story, StoryCheck } from "./story.ts";

/** Devices are lost under the running plugin, in every way. */
export function loss(version: ModuleVersion): Story {
  return [nodeDeleted, ...(version === "0.12.7" ? [] : [deviceRemoved]), moduleUnloaded];
}

const nodeDeleted: StoryCheck = {
  name: "a device whose node was deleted is unhealthy, and gets its node back with number and mode",
  async run(node) {
    const { rdev, mode } = identity("video12");
    await node.lostAndFound(["video12"], () => rmSync("/dev/video12"));
    const found = identity("video12");
    deepEqual([found.rdev, found.mode], [rdev, mode]);
    assertCameras(["video12"]);
  },
};

const deviceRemoved: StoryCheck = {
  name: "a removed device is unhealthy, and re-created with its number, label and mode",
  async run(node) {
    const others = ALL.filter((id) => id !== "video13");
    const before = others.map(identity);
    const { rdev } = identity("video13");
    await node.lostAndFound(["video13"], () => removeDevice("video13"));
    equal(identity("video13").rdev, rdev);
    deepEqual(others.map(identity), before);
    assertCameras(["video13"]);
  },
};

const moduleUnloaded: StoryCheck = {
  name: "the module unloads under the running plugin: all 8 devices are unhealthy, and re-created",
  async run(node) {
    equal(openDevices(), 0);
    await node.lostAndFound(ALL, () => rmmod("v4l2loopback"));
    assertCameras(ALL);
  },
};

function assertCameras(ids: readonly string[]): void {
  for (const device of query(ids)) {
    equal(device.driver, "v4l2 loopback");
    equal(device.card, "MeetingBot_WebCam");
    equal(roleOf(device), "output");
  }
  for (const id of ids) equal(modeOf(id), 0o666);
}
