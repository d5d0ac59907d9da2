import { expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { numbersBeyond, numbersHeldBefore } from "./held-before.ts";

const range = { firstDeviceNumber: 10, maxDevices: 4 };

test("devices beyond the configured ones are those whose numbers are, in ascending order", () => {
  expect(numbersBeyond(["video17", "video10", "video13", "video14", "video9"], range)).toEqual([
    9, 14, 17,
  ]);
});

test("IDs that are none of a video device are nobody's", () => {
  const odd = ["video", "video014", "video256", "video1000", "gpu14", "video14x", ""];
  expect(numbersBeyond(odd, range)).toEqual([]);
});

test("a kubelet that can't be asked delays nothing and names none", async () => {
  const log = recordingLogger();
  const config = { ...range, podResourcesSocket: "/nowhere/kubelet.sock", resourceName: "a.b/c" };
  expect(await numbersHeldBefore(config, { log }, new AbortController().signal)).toEqual([]);
  expect(log.lines.map(({ level }) => level)).toEqual(["debug"]);
});
