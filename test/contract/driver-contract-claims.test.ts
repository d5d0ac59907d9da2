import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../src/common/logger.ts";
import { controlId } from "../../src/drivers/loopback/cleaning/frame-scrub.ts";
import { LoopbackDriver } from "../../src/drivers/loopback/loopback-driver.ts";
import { pixelFormats } from "../../src/v4l2/video-structs.ts";
import { Claimant } from "../support/claimant.ts";
import { FakeLoopbackKernel } from "../support/fake-loopback-kernel.ts";
import { steppingClock } from "../support/stepping-clock.ts";

/**
 * From a run of the plugin that ended somehow to the next one's first pod, on a fake kernel, without a
 * reset by hand.
 */
const kernels: FakeLoopbackKernel[] = [];
afterEach(() => {
  for (const kernel of kernels.splice(0)) kernel.close();
});

function makeKernel(version: "0.12.7" | "0.15.4"): FakeLoopbackKernel {
  const kernel = new FakeLoopbackKernel({ version });
  kernels.push(kernel);
  return kernel;
}

/** A plugin's start. */
function start(kernel: FakeLoopbackKernel, listed?: ReadonlySet<string>): Claimant {
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const settings = {
    ...{ firstDeviceNumber: 10, maxDevices: 2, mode: 0o666, group: undefined },
    ...{ cardLabel: "My WebCam", nodeName: "node-7", numberTaken: "refuse" as const },
    ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080, initOnAlloc: true },
    ...{ deviceDir, sysfsDir, modulesDir, kernelRelease, modprobeDirs: [] },
  };
  const clock = steppingClock();
  const driver = new LoopbackDriver(settings, { log: silentLogger, kernel, clock });
  return new Claimant(driver, clock, listed);
}

const SECRET = new Uint8Array(64 * 48 * 2).fill(42);

/** A pod that leaves what it can. */
function misuse(kernel: FakeLoopbackKernel): void {
  using file = kernel.inside(10).open();
  file.setFormat("output", { width: 64, height: 48, pixelFormat: pixelFormats.YUYV });
  file.streamOn("output");
  file.write(SECRET);
  file.setControl(controlId.keepFormat, 1);
  file.setControl(controlId.sustainFramerate, 1);
  file.setControl(controlId.timeout, 500);
}

function expectClean(kernel: FakeLoopbackKernel): void {
  const inside = kernel.inside(10);
  expect([...inside.controls.values()].filter((value) => value !== 0)).toEqual([]);
  expect(inside.lastFrame).toBeUndefined();
  expect(inside.maxOpeners).toBe(10);
}

const node = (kernel: FakeLoopbackKernel) => join(kernel.deviceDir, "video10");

/** How a run may leave a device that a pod has used, besides as it was. */
const endings: readonly [string, (kernel: FakeLoopbackKernel) => void][] = [
  ["was killed without having cleaned it", () => undefined],
  [
    "was killed after it had locked it for a reset",
    (kernel) => {
      const device = join(kernel.sysfsDir, "class/video4linux/video10");
      kernel.writeAttribute(join(device, "max_openers"), "0");
    },
  ],
  ["ended before its node was deleted", (kernel) => rmSync(node(kernel))],
  [
    "ended before its node became another device's",
    (kernel) => {
      rmSync(node(kernel));
      kernel.makeNode(node(kernel), { major: 81, minor: 1 });
    },
  ],
];

describe.each(["0.12.7", "0.15.4"] as const)("with v4l2loopback %s", (version) => {
  test.each(endings)("a device whose last run %s is clean for the next pod", async (_, end) => {
    const kernel = makeKernel(version);
    await start(kernel).ensure();
    misuse(kernel);
    end(kernel);
    const next = start(kernel);
    expect(await next.ensure()).toMatchObject({ created: [], failed: [] });
    await next.claim("video10");
    expectClean(kernel);
  });

  test("a device that was never cleaned stays so when its node is deleted and created again", async () => {
    const kernel = makeKernel(version);
    await start(kernel).ensure();
    misuse(kernel);
    const next = start(kernel);
    await next.ensure();
    rmSync(node(kernel));
    expect(await next.ensure()).toMatchObject({ created: [], failed: [] });
    await next.claim("video10");
    expectClean(kernel);
  });

  test("a device that another run created is not removed at the end, though this one created its node", async () => {
    const kernel = makeKernel(version);
    await start(kernel).ensure();
    rmSync(node(kernel));
    const next = start(kernel, new Set());
    await next.ensure();
    await next.devices.maintenance.removeUnused();
    expect(kernel.device(10)).toBeDefined();
  });

  test("a device that this run has created is allocated as it is", async () => {
    const kernel = makeKernel(version);
    const first = start(kernel);
    await first.ensure();
    kernel.journal.length = 0;
    await first.claim("video10");
    expect(kernel.journal).toEqual([]);
  });
});
