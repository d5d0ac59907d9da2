import { expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { numbersAllocatedAtStart, numbersOf } from "./allocated-at-start.ts";

test("the devices of pods are known by their numbers", () => {
  expect(numbersOf(["video17", "video0", "video255"])).toEqual([17, 0, 255]);
});

test("IDs that no video device can have are left out", () => {
  const odd = ["video", "video014", "video256", "video1000", "gpu14", "video14x", ""];
  expect(numbersOf(odd)).toEqual([]);
});

test("a kubelet that can't be asked delays nothing and names none", async () => {
  const log = recordingLogger();
  const config = { podResourcesSocket: "/nowhere/kubelet.sock", resourceName: "a.b/c" };
  expect(await numbersAllocatedAtStart(config, { log }, new AbortController().signal)).toEqual([]);
  expect(log.lines.map(({ level }) => level)).toEqual(["debug"]);
});
