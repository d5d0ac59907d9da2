import { equal } from "node:assert/strict";
import { systemClock } from "../../../src/common/clock.ts";
import { silentLogger } from "../../../src/common/logger.ts";
import { placeholderFrame } from "../../../src/drivers/loopback/ready/placeholder.ts";
import { ReadyDriver } from "../../../src/drivers/loopback/ready/ready-driver.ts";
import { WorkerRelay } from "../../../src/drivers/loopback/ready/worker-relay.ts";
import { feedNumber } from "../../../src/v4l2/device-ids.ts";
import { pixelFormats } from "../../../src/v4l2/video-structs.ts";
import type { Stage } from "../../kernel/driver/stage.ts";
import { ignoring } from "../../kernel/driver/tenant.ts";
import { eventually } from "../../kernel/stories/eventually.ts";
import { relaySettings } from "../relay-settings.ts";

/** The format of its frames. */
export const request = { ...relaySettings, pixelFormat: pixelFormats.YU12 };

/** The device of a pair that browsers read, and the one that the application writes to. */
export const camera = "video10";
export const feed = `video${feedNumber(10)}`;

/** Runs with one ready camera of 1280x720 that shows its placeholder, and with the relay in a Worker; nothing is loaded before. */
export async function withReadyCamera<T>(
  stage: Stage,
  use: (driver: ReadyDriver) => Promise<T>,
): Promise<T> {
  stage.clear();
  const singles = stage.driver({ maxDevices: 1, pairs: true });
  const driver = new ReadyDriver(singles, relaySettings, {
    ...{ log: silentLogger, clock: systemClock },
    relay: (onEvent) => new WorkerRelay(relaySettings, { log: silentLogger, onEvent }),
    placeholder: (id, problem) => placeholderFrame(relaySettings, { id, problem }),
  });
  try {
    equal((await driver.ensure()).failed.length, 0);
    // In a VM a Worker takes seconds to start.
    await eventually("the placeholder", () => counted(driver).placeholders > 1);
    return await use(driver);
  } finally {
    await driver.leave();
  }
}

/** Opens the feed as an application does that writes frames. */
export function openFeed(stage: Stage) {
  const writer = stage.open(feed);
  ignoring(() => writer.setFormat("output", request));
  return writer;
}

/** What the relay has copied to the camera, and its CPU time, s. */
export function counted(driver: ReadyDriver) {
  const report = driver.relay();
  const { applicationFrames = 0, placeholderFrames = 0 } = report?.cameras.get(camera) ?? {};
  return {
    frames: applicationFrames,
    placeholders: placeholderFrames,
    cpu: report?.cpuSeconds ?? 0,
  };
}
