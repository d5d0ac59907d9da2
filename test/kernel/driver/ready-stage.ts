import { equal } from "node:assert/strict";
import { systemClock } from "../../../src/common/clock.ts";
import { type Logger, silentLogger } from "../../../src/common/logger.ts";
import type { LoopbackSettings } from "../../../src/drivers/loopback/loopback-settings.ts";
import { fixedFormat, frameBytesOf } from "../../../src/drivers/loopback/ready/frame-format.ts";
import { whyNotListed } from "../../../src/drivers/loopback/ready/hold.ts";
import { ReadyDriver } from "../../../src/drivers/loopback/ready/ready-driver.ts";
import type { ReadySettings } from "../../../src/drivers/loopback/ready/ready-settings.ts";
import { WorkerRelay } from "../../../src/drivers/loopback/ready/worker-relay.ts";
import type { VideoFile } from "../../../src/v4l2/video-file.ts";
import { run } from "../stories/cameras.ts";
import { HEIGHT, SECRET, search, WIDTH } from "./camera-programs.ts";
import type { Stage } from "./stage.ts";
import { ignoring } from "./tenant.ts";

/** Not a whole number of pages, so that a page of a frame has a tail. */
export const READY: ReadySettings = {
  ...{ width: 320, height: 240, pixelFormat: "YU12", rate: 30 },
  placeholder: { kind: "test_card" },
  ...{ idleMs: 300, placeholderRate: 10 },
};
export const READY_BYTES = frameBytesOf(READY);
export const PLACEHOLDER = 0x33;
export const PROBLEM = 0x44;

export const CAMERA = "video11";
export const FEED = "video139";

/** A ready driver with plain pictures as placeholders. */
export class ReadyStage implements AsyncDisposable {
  readonly driver: ReadyDriver;

  constructor(stage: Stage, overrides: Partial<LoopbackSettings> = {}, log: Logger = silentLogger) {
    const singles = stage.driver({ maxDevices: 2, pairs: true, ...overrides }, log);
    this.driver = new ReadyDriver(singles, READY, {
      log,
      clock: systemClock,
      relay: (onEvent) => new WorkerRelay(READY, { log, onEvent }),
      placeholder: (_, problem) => filled(problem === "" ? PLACEHOLDER : PROBLEM),
    });
  }

  async ensure(): Promise<this> {
    const { failed } = await this.driver.ensure();
    equal(failed.map(({ error }) => error.message).join(), "");
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver.leave();
  }
}

export const filled = (byte: number) => new Uint8Array(READY_BYTES).fill(byte);

/** Fails if a browser would not list the camera now. */
export function assertListed(stage: Stage, id = CAMERA): void {
  equal(whyListedNot(stage, id), undefined);
}

export function whyListedNot(stage: Stage, id = CAMERA): string | undefined {
  using file = stage.open(id);
  return whyNotListed(file, READY);
}

/** Opens the feed and sets the format, as each kind of application does, without a frame. */
export function feedWriter(stage: Stage): VideoFile {
  const file = stage.open(FEED);
  ignoring(() => file.setFormat("output", fixedFormat(READY)));
  return file;
}

/** The bytes with which the next frames of a reader begin, until one of them is `byte`. */
export async function awaitPicture(reader: VideoFile, byte: number): Promise<void> {
  const seen: (number | undefined)[] = [];
  const into = new Uint8Array(READY_BYTES);
  for (let looks = 0; looks < 1000; looks++) {
    const bytes = ignoring(() => reader.read(into));
    if (bytes !== undefined && bytes > 0) {
      equal(bytes, READY_BYTES, "a frame of a wrong size");
      seen.push(into[0]);
      if (into[0] === byte) return;
    }
    await Bun.sleep(10);
  }
  throw new Error(`no picture ${byte}, but ${seen.slice(-20).join()}`);
}

/**
 * As a tenant does: fills all that it can map of a device, also the page that a frame fills in part, and none of its own
 * memory. `how` as of v4l2-tool.c.
 */
export function fillWithSecret(id: string, how: "closed" | "reader" | "timeout"): void {
  run(["/bin/v4l2-tool", "fill", how, `/dev/${id}`, String(WIDTH), String(HEIGHT), SECRET]);
}

/** How often the secret is in what a program can read and map of the device, and how many bytes it could map. */
export function secretsIn(id: string): { readonly found: number; readonly mapped: number } {
  const seen = search(id);
  return {
    found: seen.read_found + seen.capture_found + seen.output_found,
    mapped: seen.capture_bytes + seen.output_bytes,
  };
}
