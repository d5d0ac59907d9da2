import { expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { allocatedAtStart, numbersOf, surplusNotListed } from "./allocated-at-start.ts";

test("the devices of pods are known by their numbers", () => {
  expect(numbersOf(["video17", "video0", "video255"])).toEqual([17, 0, 255]);
});

test("IDs that no video device can have are left out", () => {
  const odd = ["video", "video014", "video256", "video1000", "gpu14", "video14x", ""];
  expect(numbersOf(odd)).toEqual([]);
});

test("only a new process lists what pods own beyond this one's devices, unless another plugin lists it", () => {
  const owned = (...ids: string[]) =>
    new Map(ids.map((id) => [id, { pod: "default/a", otherResource: undefined }] as const));
  const devices = [{ number: 10 }, { number: 25 }];
  expect(surplusNotListed(owned("video10", "video25", "gpu0"), devices)).toBeUndefined();
  const others = new Map([["video26", { pod: "default/a", otherResource: "a.b/old" }]]);
  expect(surplusNotListed(others, devices)).toBeUndefined();
  const error = surplusNotListed(owned("video26", "video10", "video27"), devices);
  expect(error?.code).toBe("surplus_not_listed");
  expect(error?.message).toStartWith("Pods own video26, video27, which ");
});

test("a kubelet that can't be asked delays nothing and names none", async () => {
  const log = recordingLogger();
  const config = { podResourcesSocket: "/nowhere/kubelet.sock", resourceName: "a.b/c" };
  expect(await allocatedAtStart(config, { log }, new AbortController().signal)).toEqual([]);
  expect(log.lines.map(({ level }) => level)).toEqual(["debug"]);
});
