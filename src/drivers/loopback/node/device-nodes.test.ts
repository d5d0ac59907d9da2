import { describe, expect, test } from "bun:test";
import type { DeviceNumber } from "../../../linux/device-number.ts";
import { videoClass } from "../device/sysfs.ts";
import type { NodeView } from "../kernel.ts";
import { isStale, type OwnNumber } from "./device-nodes.ts";

const at = (minor: number, major = 81): DeviceNumber => ({ major, minor });
const node = (minor: number, major?: number): NodeView => ({
  kind: "character_device",
  device: at(minor, major),
});

describe("a node is stale", () => {
  test.each<[boolean, string, NodeView, OwnNumber, boolean | undefined]>([
    [true, "if its device has another number", node(3), at(4), true],
    [false, "not if it is its device's", node(3), at(3), true],
    [true, "if there is no such device, and no other has the number", node(3), undefined, false],
    [false, "not if another device has the number", node(3), undefined, true],
    [false, "not if it can't be known who has the number", node(3), undefined, undefined],
    [false, "not if its device doesn't show its number", node(3), "unknown", false],
    [false, "not if it is not a video device's", node(3, 1), at(4), false],
    [false, "not if it is not a node", { kind: "other", what: "a directory" }, undefined, false],
    [false, "not if it isn't there", { kind: "absent" }, undefined, false],
  ])("%p: %s", (expected, _, found, own, taken) => {
    const place = { deviceClass: videoClass, own: () => own };
    expect(isStale(found, place, () => taken)).toBe(expected);
  });
});
