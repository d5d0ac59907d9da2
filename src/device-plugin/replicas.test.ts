import { expect, test } from "bun:test";
import fc from "fast-check";
import { deviceOfReplica, replicaIds } from "../common/replica-id.ts";
import { preferredDevices } from "../devices/usage/preferred-devices.ts";
import { Replicas } from "./replicas.ts";

/** Devices by their numbers, none requested yet. */
const rank = (question: Parameters<typeof preferredDevices>[0]) =>
  preferredDevices(question, () => undefined);
const three = new Replicas(3);
const all = ["a1", "a2"].flatMap((id) => three.of(id));

test("a device is listed once for each container that may have it, and under its own ID where that is one", () => {
  expect(all).toEqual(["a1::0", "a1::1", "a1::2", "a2::0", "a2::1", "a2::2"]);
  expect(new Replicas(1).of("a1")).toEqual(["a1"]);
});

test("an ID that is not listed is no device's", () => {
  expect(three.devices(["a1::2", "a1::0", "a2::1"])).toEqual(["a1", "a2"]);
  const foreign = ["a1", "a1::3", "a1::01", "::0", "a1::-1"];
  expect(three.devices(foreign)).toEqual(foreign);
  expect(new Replicas(1).devices(["a1::0"])).toEqual(["a1::0"]);
});

test("the ID of a USB port is not that of a replica", () => {
  expect(deviceOfReplica("usb-0000:00:14.0-1")).toBe("usb-0000:00:14.0-1");
  expect(replicaIds("usb-0000:00:14.0-1", 2).map(deviceOfReplica)).toEqual([
    ...["usb-0000:00:14.0-1", "usb-0000:00:14.0-1"],
  ]);
});

test.each([
  ["the device that most is free of", all.toSpliced(0, 1), [], 1, ["a2::0"]],
  ["different devices in one container", all, [], 2, ["a1::0", "a2::0"]],
  ["another device than one it has", all, ["a1::1"], 2, ["a1::1", "a2::0"]],
  ["all in turn", all, [], 4, ["a1::0", "a2::0", "a1::1", "a2::1"]],
  ["what there is", ["a1::2"], [], 3, ["a1::2"]],
  ["no more than it must", all, ["a1::0", "a1::1"], 1, ["a1::0", "a1::1"]],
] as const)("preferred is %s", (_, available, mustInclude, size, expected) => {
  expect(three.preferred({ available, mustInclude, size }, rank)).toEqual([...expected]);
});

test("of devices that are equally free, the one that was requested least recently is preferred", () => {
  const used = new Map([["a1", 5]]);
  const ranked = (question: Parameters<typeof preferredDevices>[0]) =>
    preferredDevices(question, (id) => used.get(id));
  expect(three.preferred({ available: all, mustInclude: [], size: 1 }, ranked)).toEqual(["a2::0"]);
});

test("numbers count as numbers, and without sharing nothing changes", () => {
  const available = new Replicas(12).of("a1").slice(9).toReversed();
  expect(new Replicas(12).preferred({ available, mustInclude: [], size: 2 }, rank)).toEqual([
    ...["a1::9", "a1::10"],
  ]);
  const question = { available: ["a2", "a1"], mustInclude: [], size: 1 };
  expect(new Replicas(1).preferred(question, rank)).toEqual(["a1"]);
});

test("any question has an answer of the right size, each ID once", () => {
  const ids = fc.subarray(all);
  fc.assert(
    fc.property(ids, ids, fc.nat(8), (available, mustInclude, size) => {
      const answer = three.preferred({ available, mustInclude, size }, rank);
      const known = new Set([...available, ...mustInclude]);
      expect(new Set(answer).size).toBe(answer.length);
      expect(answer.length).toBe(Math.max(mustInclude.length, Math.min(size, known.size)));
      expect(answer.every((id) => known.has(id))).toBe(true);
    }),
  );
});
