import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import {
  DeviceSchema,
  KubeletSchema,
  Picture,
  Signal,
  Use,
  Work,
} from "../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceWords, pictureWord } from "./device-words.ts";

const kubelet = create(KubeletSchema, { registered: true, podResourcesAnswers: true });
const silentKubelet = create(KubeletSchema, { registered: true });

type DeviceInit = Parameters<typeof create<typeof DeviceSchema>>[1];
const clean = { healthy: true, reason: "ok", clean: true };
const unclean = { healthy: true, reason: "ok", clean: false };
const words = (device: DeviceInit, asked = kubelet) =>
  deviceWords(create(DeviceSchema, device), asked);

describe("a device's words", () => {
  test("show its health first, then its use, in a word of its own", () => {
    const shown = (healthy: boolean, reason: string, use: Use, asked = kubelet) => {
      const { state, health } = words({ healthy, reason, use }, asked);
      return [state, health];
    };
    expect(shown(true, "ok", Use.IN_USE)).toEqual(["in use", "healthy"]);
    expect(shown(true, "ok", Use.FREE)).toEqual(["free", "healthy"]);
    expect(shown(true, "ok", Use.UNSPECIFIED, silentKubelet)).toEqual(["unknown", "healthy"]);
    expect(shown(false, "cordoned", Use.IN_USE)).toEqual(["cordoned", "cordoned"]);
    expect(shown(false, "retired", Use.FREE)).toEqual(["retired", "retired"]);
    expect(shown(false, "stuck_writer", Use.IN_USE)).toEqual(["unhealthy", "stuck_writer"]);
    expect(shown(false, "", Use.FREE)).toEqual(["unhealthy", "unhealthy"]);
  });

  test("say that no source feeds a healthy card, and leave it to the reason of another", () => {
    const missing = { signal: Signal.MISSING };
    expect(words({ ...clean, ...missing }).signal).toBe("no signal");
    expect(words({ ...clean, signal: Signal.PRESENT }).signal).toBe("");
    expect(words({ healthy: false, reason: "no_signal", ...missing })).toMatchObject({
      ...{ health: "no_signal", signal: "" },
    });
  });

  test("call a device free that waits for its first reset after a start", () => {
    expect(words({ ...unclean, use: Use.UNSPECIFIED })).toEqual({
      ...{ state: "free", health: "healthy", use: "free", note: "not reset yet", signal: "" },
    });
    expect(words({ ...unclean, use: Use.FREE }).note).toBe("not reset yet");
  });

  test("call the use unknown only of an unclean device while the kubelet can't be asked", () => {
    expect(words({ ...unclean, use: Use.UNSPECIFIED }, silentKubelet)).toMatchObject({
      ...{ state: "unknown", use: "unknown", note: "" },
    });
    expect(words({ ...clean, use: Use.UNSPECIFIED }, silentKubelet).use).toBe("free");
    expect(words({ ...unclean, use: Use.FREE }, silentKubelet).use).toBe("free");
    expect(deviceWords(create(DeviceSchema), undefined).use).toBe("unknown");
  });

  test("call the use of a plain init container's device unknown, which the kubelet never lists", () => {
    const unlisted = { ...unclean, unlisted: true };
    expect(words({ ...unlisted, use: Use.UNSPECIFIED })).toMatchObject({
      ...{ state: "unknown", use: "unknown", note: "" },
    });
    expect(words({ ...unlisted, use: Use.FREE }).use).toBe("free");
    expect(words({ ...unlisted, use: Use.IN_USE }).use).toBe("in use");
  });

  test("note what the plugin does, whatever the device's use and health", () => {
    expect(words({ ...unclean, use: Use.FREE, work: Work.RESET }).note).toBe("resetting");
    expect(words({ ...unclean, use: Use.IN_USE, work: Work.RESET }).note).toBe("resetting");
    expect(words({ healthy: false, reason: "dead_caps", work: Work.REPAIR }).note).toBe(
      "repairing",
    );
  });

  test("note no outstanding reset of a device that is in use or unhealthy, but of a cordoned one", () => {
    expect(words({ ...clean, use: Use.FREE }).note).toBe("");
    expect(words({ ...unclean, use: Use.IN_USE }).note).toBe("");
    expect(words({ healthy: false, reason: "missing", use: Use.FREE }).note).toBe("");
    expect(words({ healthy: false, reason: "cordoned", use: Use.FREE }).note).toBe("not reset yet");
  });
});

test("the word for what a ready camera shows is empty for a plain device", () => {
  const word = (readyCamera?: { picture: Picture }) =>
    pictureWord(create(DeviceSchema, readyCamera === undefined ? {} : { readyCamera }));
  expect(word()).toBe("");
  expect(word({ picture: Picture.UNSPECIFIED })).toBe("");
  expect(word({ picture: Picture.APPLICATION })).toBe("application");
  expect(word({ picture: Picture.PLACEHOLDER })).toBe("placeholder");
});
