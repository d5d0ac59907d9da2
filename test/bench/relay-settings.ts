import type { ReadySettings } from "../../src/drivers/loopback/ready/ready-settings.ts";
import { frameBytes } from "../../src/frames/encode.ts";

/** Ready cameras of the benches: the defaults. */
export const relaySettings: ReadySettings = {
  ...{ width: 1280, height: 720, pixelFormat: "YU12", rate: 30 },
  ...{ placeholder: { kind: "test_card" }, idleMs: 1000, placeholderRate: 5 },
};

export const relayedCameras = 8;

/** Bytes of a frame. */
export const frameSize = frameBytes("YU12", relaySettings.width, relaySettings.height);
