import { deepEqual, equal } from "node:assert/strict";
import { rmSync } from "node:fs";
import type { ModuleVersion } from "../provision.ts";
import { roleOf } from "../query.ts";
import { identity, modeOf, openDevices, query, removeDevice, rmmod } from "./cameras.ts";
import { ALL } from "./guest-node.ts";
import type { Story, StoryCheck } from "./story.ts";

/** Devices go away under the running plugin, in every way they can. */
export function loss(version: ModuleVersion): Story {
  return [nodeDeleted, ...(version === "0.12.7" ? [] : [deviceRemoved]), moduleUnloaded];
}

const nodeDeleted: StoryCheck = {
  name: "a node that somebody deleted is unhealthy, and made again with its number and mode",
  async run(node) {
    const { rdev, mode } = identity("video12");
    await node.lostAndFound(["video12"], () => rmSync("/dev/video12"));
    const found = identity("video12");
    deepEqual([found.rdev, found.mode], [rdev, mode]);
    assertCameras(["video12"]);
  },
};

const deviceRemoved: StoryCheck = {
  name: "a device that somebody removed is unhealthy, and made again with its number, label and mode",
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
  name: "the module unloads under the running plugin: all 8 are unhealthy, and made again",
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
