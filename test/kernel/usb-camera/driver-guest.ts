import { readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../../src/common/clock.ts";
import { silentLogger } from "../../../src/common/logger.ts";
import { Notify } from "../../../src/common/notify.ts";
import { PluginError } from "../../../src/common/plugin-error.ts";
import {
  CameraCatalog,
  CameraDriver,
  type CameraPoolSettings,
  cameraMemoryFile,
  linuxCameras,
} from "../../../src/drivers/camera/index.ts";
import type { DeviceObservation } from "../../../src/drivers/driver.ts";
import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import { openVideoDevice } from "../../../src/v4l2/video-file.ts";

const linkDir = "/run/video-device-plugin/devices";
const calls = linuxCalls();

/** What a pod leaves in a webcam: all automatics off, and values that make the next picture dark and blurred. */
const tenantControls = [
  [0x009a_0901, 1], // exposure: manual
  [0x009a_0902, 1000],
  [0x009a_090c, 0], // focus: manual
  [0x009a_090a, 200],
  [0x0098_0900, -40], // brightness
] as const;

/** The last line of each device. */
const shown = new Map<string, string>();

/** `ID REASON NODE`, for each device of which that has changed; NODE is where its link leads, or `-`. */
function show(observations: readonly DeviceObservation[]): void {
  for (const { id, reason } of observations) {
    const line = `${id} ${reason} ${nodeOf(id)}`;
    if (shown.get(id) !== line) console.log(line);
    shown.set(id, line);
  }
}

function nodeOf(id: string): string {
  try {
    return basename(readlinkSync(join(linkDir, id)));
  } catch {
    return "-";
  }
}

/**
 * The camera driver on the real kernel, as a program (../guest.ts) in a virtual machine. Lines of stdin are what happens to
 * a device: `tenant ID`, a pod that changes controls, by the link; `reset ID`, as between two pods.
 */
export async function main(): Promise<number> {
  const parts = linuxCameras(["video-device-plugin"], calls);
  const pool: CameraPoolSettings = {
    with: [],
    ...{ name: "webcams", select: [{}], exclude: [], identity: "auto", deviceName: "", expect: 0 },
    clean: "required",
    signal: "report",
  };
  const places = { deviceDir: "/dev", sysfsDir: "/sys", linkDir };
  const deps = { ...parts, clock: systemClock, log: silentLogger };
  const memory = cameraMemoryFile("/run/camera-state");
  const catalog = new CameraCatalog([pool], places, [], { ...deps, memory });
  const driver = new CameraDriver(pool, places, [], { ...deps, catalog });
  const { signal } = new AbortController();
  const changed = new Notify();
  driver.watch(changed.notify, signal);
  createInterface({ input: process.stdin }).on("line", (line) => {
    const [what, id = ""] = line.split(" ");
    const work = what === "reset" ? driver.reset(id) : beTenant(id);
    void work
      .then(
        () => console.log(`${line} done`),
        (error: unknown) => console.log(`${line} ${PluginError.from(error).code}`),
      )
      .finally(changed.notify);
  });
  await driver.ensure();
  for (;;) {
    show(await driver.inspect());
    await changed.wait(systemClock, 30_000, signal);
  }
}

async function beTenant(id: string): Promise<void> {
  using file = openVideoDevice(join(linkDir, id), calls);
  for (const [control, value] of tenantControls) file.setControl(control, value);
}
