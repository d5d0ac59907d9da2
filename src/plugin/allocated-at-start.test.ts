import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  const { signal } = new AbortController();
  const names = ["a.b/c", "a.b/d"];
  expect(await allocatedAtStart("/nowhere/kubelet.sock", names, log, signal)).toEqual([[], []]);
  expect(log.lines.map(({ level, fields }) => [level, fields["error"]])).toEqual([
    ["debug", "there is no /nowhere/kubelet.sock"],
  ]);
});

test("a kubelet that does not answer delays the start for a second, unless the process is to end", async () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-silent-"));
  const socket = join(directory, "kubelet.sock");
  const server = createServer(() => undefined).listen(socket);
  try {
    const log = recordingLogger();
    const never = new AbortController().signal;
    expect(await allocatedAtStart(socket, ["a.b/c"], log, never)).toEqual([[]]);
    expect(await allocatedAtStart(socket, ["a.b/c"], log, AbortSignal.abort())).toEqual([[]]);
    expect(log.lines).toHaveLength(2);
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});
