import { openFrameWriter } from "../../../src/frames/frame-writer.ts";
import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import type { Stage } from "../../kernel/driver/stage.ts";
import { type Row, row } from "../measure.ts";
import { frameSize } from "../relay-settings.ts";
import { camera, openFeed, request, withReadyCamera } from "./ready-camera.ts";

/** Frames that an application writes before each reset: as many as a device has buffers by default, and one more. */
const framesBefore = 3;

/** Resets of one kind a turn. */
const resetsEach = 4;

/** A plain device and a ready camera, in turns, reset after an application has written frames of 1280x720 and has closed. */
export async function resets(stage: Stage, turns: number): Promise<Row[]> {
  const plain: number[] = [];
  const ready: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    stage.clear();
    const driver = stage.driver({ maxDevices: 1 });
    await driver.ensure();
    for (let round = 0; round < resetsEach; round++) {
      const writer = openFrameWriter(`/dev/${camera}`, request, linuxCalls());
      plain.push(await timed(writer, () => driver.reset(camera)));
    }
    await withReadyCamera(stage, async (pairs) => {
      for (let round = 0; round < resetsEach; round++) {
        ready.push(await timed(openFeed(stage), () => pairs.reset(camera)));
      }
    });
  }
  const { median } = row("", "", plain);
  return [
    row("one device reset, after frames of 1.4 MB", "ms", plain),
    row("a ready camera reset, after frames of 1.4 MB", "ms", ready),
    row(
      "  as a ratio",
      "",
      ready.map((ms) => ms / median),
    ),
  ];
}

/** How long the reset takes once the writer has written and has closed, ms. */
async function timed(
  writer: { write(frame: Uint8Array): unknown; close(): void },
  reset: () => Promise<void>,
): Promise<number> {
  for (let number = 1; number <= framesBefore; number++) {
    writer.write(new Uint8Array(frameSize).fill(number));
  }
  writer.close();
  const started = performance.now();
  await reset();
  return performance.now() - started;
}
