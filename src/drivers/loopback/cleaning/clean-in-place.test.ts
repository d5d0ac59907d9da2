import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Claimant } from "../../../../test/support/claimant.ts";
import {
  type FakeKernelOptions,
  FakeLoopbackKernel,
} from "../../../../test/support/fake-loopback-kernel.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { steppingClock } from "../../../../test/support/stepping-clock.ts";
import { ErrnoError } from "../../../linux/errno-error.ts";
import { CAP_VIDEO_OUTPUT, pixelFormats } from "../../../v4l2/video-structs.ts";
import { LoopbackDriver } from "../loopback-driver.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { controlId } from "./frame-scrub.ts";

const kernels: FakeLoopbackKernel[] = [];
afterEach(() => {
  for (const kernel of kernels.splice(0)) kernel.close();
});

async function setUp(options: FakeKernelOptions = {}, overrides: Partial<LoopbackSettings> = {}) {
  const kernel = new FakeLoopbackKernel(options);
  kernels.push(kernel);
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const settings = {
    ...{ firstDeviceNumber: 10, maxDevices: 2, mode: 0o666, group: undefined },
    ...{ cardLabel: "My WebCam", nodeName: "node-7", numberTaken: "refuse" as const },
    ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 },
    ...{ deviceDir, sysfsDir, modulesDir, kernelRelease, modprobeDirs: [], initOnAlloc: true },
    ...overrides,
  };
  const log = recordingLogger();
  const makeDriver = () => new LoopbackDriver(settings, { log, kernel, clock: steppingClock() });
  const driver = makeDriver();
  await driver.ensure();
  kernel.journal.length = 0;
  return { kernel, driver, makeDriver, log };
}

/** A kernel without init_on_alloc. */
const LEAKS = { initOnAlloc: false };

const FORMAT = { width: 64, height: 48, pixelFormat: pixelFormats.YUYV };
const SECRET = new Uint8Array(64 * 48 * 2).fill(42);

/** What a pod may leave behind. */
function misuse(kernel: FakeLoopbackKernel, number: number): void {
  using file = kernel.inside(number).open();
  file.setFormat("output", FORMAT);
  file.streamOn("output");
  file.write(SECRET);
  file.setControl(controlId.keepFormat, 1);
  file.setControl(controlId.sustainFramerate, 1);
  file.setControl(controlId.timeout, 500);
  file.setFrameInterval("output", { numerator: 1, denominator: 5 });
}

const maxOpeners = (kernel: FakeLoopbackKernel, number: number) =>
  readFileSync(
    join(kernel.sysfsDir, `class/video4linux/video${number}/max_openers`),
    "utf8",
  ).trim();

describe.each(["0.12.7", "0.15.4"] as const)("reset of v4l2loopback %s", (version) => {
  test("removes all that the last user left", async () => {
    const { kernel, driver } = await setUp({ version });
    misuse(kernel, 10);
    expect((await driver.inspect())[0]?.reason).toBe("stuck_writer");
    await driver.reset("video10");
    const inside = kernel.inside(10);
    expect([...inside.controls.values()].filter((value) => value !== 0)).toEqual([]);
    expect(inside.interval).toEqual({ numerator: 1, denominator: 30 });
    expect(inside.lastFrame).toBeUndefined();
    expect(inside.openers).toBe(0);
    expect(maxOpeners(kernel, 10)).toBe("10");
    expect((await driver.inspect())[0]?.reason).toBe("ok");
  });

  test("leaves a device alone that a process has open", async () => {
    const { kernel, driver } = await setUp({ version });
    misuse(kernel, 10);
    const release = kernel.hold(10);
    await expect(driver.reset("video10")).rejects.toMatchObject({ code: "device_busy" });
    expect(await driver.isOpen("video10")).toBe(true);
    expect(kernel.inside(10).lastFrame).toEqual(SECRET);
    expect((await driver.inspect())[0]?.reason).toBe("ok");
    expect(maxOpeners(kernel, 10)).toBe("10");
    release();
    expect(await driver.isOpen("video10")).toBe(false);
  });

  test("lets the next user read although a timeout of the last one has passed", async () => {
    const { kernel, driver } = await setUp({ version });
    misuse(kernel, 10);
    kernel.inside(10).timeoutPassed = true;
    await driver.reset("video10");
    using next = kernel.inside(10).open();
    next.setFormat("output", FORMAT);
    next.streamOn("output");
    next.write(SECRET);
    expect(next.read(new Uint8Array(1))).toBeGreaterThan(0);
  });

  test("works where /sys can't be written to", async () => {
    const { kernel, driver } = await setUp({ version });
    kernel.sysfsReadOnly = true;
    misuse(kernel, 10);
    await driver.reset("video10");
    expect((await driver.inspect())[0]?.reason).toBe("ok");
  });

  test("killed at any step, is completed by the next run before a pod gets the device", async () => {
    for (let step = 0; step < 8; step++) {
      const { kernel, driver, makeDriver } = await setUp({ version });
      misuse(kernel, 10);
      let left = step;
      const write = kernel.writeAttribute.bind(kernel);
      const die = () => {
        if (left-- <= 0) throw new Error("killed");
      };
      kernel.before = die;
      kernel.writeAttribute = (path, text) => {
        die();
        write(path, text);
      };
      await driver.reset("video10").catch(() => undefined);
      kernel.before = undefined;
      kernel.writeAttribute = write;
      const next = makeDriver();
      const plugin = new Claimant(next, steppingClock());
      expect((await plugin.ensure()).failed).toEqual([]);
      await plugin.claim("video10");
      expect((await next.inspect()).map(({ reason }) => reason)).toEqual(["ok", "ok"]);
      const inside = kernel.inside(10);
      expect([...inside.controls.values()].filter((value) => value !== 0)).toEqual([]);
      expect(inside.lastFrame).toBeUndefined();
      expect(maxOpeners(kernel, 10)).toBe("10");
      expect(kernel.device(10)).toMatchObject({ label: "My WebCam", exclusive: true });
    }
  });
});

/** A pod leaves an image for the time after its last frame. */
function leaveTimeoutImage(kernel: FakeLoopbackKernel, number: number): void {
  const inside = kernel.inside(number);
  {
    using file = inside.open();
    file.setFormat("output", FORMAT);
    file.setControl(controlId.timeout, 500);
    file.setControl(controlId.timeoutImageIo, 1);
  }
  using file = inside.open();
  file.write(SECRET);
}

describe("a reset in place of v4l2loopback 0.15, whose control device can't be used", () => {
  const forbidden: readonly [string, (kernel: FakeLoopbackKernel) => void][] = [
    [
      "may not be opened",
      (kernel) => {
        kernel.controlForbidden = true;
      },
    ],
    [
      "has no node, and none can be made",
      (kernel) => {
        rmSync(join(kernel.deviceDir, "v4l2loopback"));
        kernel.makeNode = () => {
          throw new ErrnoError(30, "mknodat");
        };
      },
    ],
  ];

  test.each(forbidden)("overwrites the timeout image, if it %s", async (_, forbid) => {
    const { kernel, driver } = await setUp();
    leaveTimeoutImage(kernel, 10);
    forbid(kernel);
    await driver.reset("video10");
    expect(kernel.journal).not.toContain("remove 10");
    expect(kernel.inside(10).timeoutImage?.includes(42)).toBe(false);
    expect(kernel.inside(10).controls.get(controlId.timeout)).toBe(0);
  });

  test("fails if the device can't be opened", async () => {
    const { kernel, driver } = await setUp();
    kernel.controlForbidden = true;
    kernel.before = (entry) => {
      if (entry.startsWith("open")) throw new ErrnoError(1, "open");
    };
    await expect(driver.reset("video10")).rejects.toMatchObject({ code: "reset_failed" });
  });
});

test("a reset in place clears the flag that the next opener gets the timeout image", async () => {
  const { kernel, driver } = await setUp({ version: "0.12.7" });
  misuse(kernel, 10);
  {
    using file = kernel.inside(10).open();
    file.setControl(controlId.timeoutImageIo, 1);
  }
  await driver.reset("video10");
  expect(kernel.inside(10).controls.get(controlId.timeoutImageIo)).toBe(0);
});

describe("dead capabilities of v4l2loopback 0.12", () => {
  async function killCaps() {
    const made = await setUp({ version: "0.12.7" });
    const inside = made.kernel.inside(10);
    {
      using file = inside.open();
      file.setFormat("output", FORMAT);
      file.write(SECRET);
    }
    using file = inside.open();
    expect(file.queryCapabilities().deviceCaps & 3).toBe(0);
    return { ...made, inside };
  }

  test("are repaired by repair", async () => {
    const { driver, inside } = await killCaps();
    await driver.repair("video10");
    using file = inside.open();
    expect(file.queryCapabilities().deviceCaps & CAP_VIDEO_OUTPUT).not.toBe(0);
  });

  test("are repaired by reset", async () => {
    const { driver, inside } = await killCaps();
    await driver.reset("video10");
    using file = inside.open();
    expect(file.queryCapabilities().deviceCaps & CAP_VIDEO_OUTPUT).not.toBe(0);
  });

  test("that can't be repaired are seen from then on", async () => {
    const { kernel, driver } = await setUp({ version: "0.12.7" });
    const open = kernel.openVideo.bind(kernel);
    kernel.openVideo = (path) => {
      const file = open(path);
      const capabilities = { ...file.queryCapabilities(), deviceCaps: 0x05200000 };
      return { ...file, queryCapabilities: () => capabilities };
    };
    await expect(driver.repair("video10")).rejects.toMatchObject({ code: "device_dead_caps" });
    expect((await driver.inspect())[0]?.reason).toBe("dead_caps");
    kernel.openVideo = open;
    await driver.repair("video10");
    expect((await driver.inspect())[0]?.reason).toBe("ok");
  });

  test("are unknown to versions with a control device", async () => {
    const { driver } = await setUp();
    await expect(driver.repair("video10")).rejects.toMatchObject({ code: "not_supported" });
  });
});

describe("remove", () => {
  test("removes with a control device, and not without", async () => {
    const dynamic = await setUp();
    await dynamic.driver.remove("video10");
    await dynamic.driver.remove("video10");
    expect(dynamic.kernel.device(10)).toBeUndefined();
    const { driver } = await setUp({ version: "0.12.7" });
    await expect(driver.remove("video10")).rejects.toMatchObject({ code: "not_supported" });
  });
});

describe("the lock", () => {
  test("that a killed run left is seen, and ensure unlocks the device", async () => {
    const { kernel, makeDriver } = await setUp();
    kernel.writeAttribute(join(kernel.sysfsDir, "class/video4linux/video10/max_openers"), "0");
    const driver = makeDriver();
    expect((await driver.inspect())[0]).toMatchObject({ reason: "faulty" });
    kernel.sysfsReadOnly = true;
    expect((await driver.ensure()).failed).toMatchObject([{ id: "video10" }]);
    kernel.sysfsReadOnly = false;
    expect((await driver.ensure()).failed).toEqual([]);
    expect(maxOpeners(kernel, 10)).toBe("10");
  });

  test("of a process that resets a device outlives a look whether that is open", async () => {
    const { kernel, driver } = await setUp();
    const release = kernel.hold(11);
    const path = join(kernel.sysfsDir, "class/video4linux/video10/max_openers");
    kernel.writeAttribute(path, "0");
    expect(await driver.isOpen("video10")).toBeUndefined();
    expect(maxOpeners(kernel, 10)).toBe("0");
    kernel.writeAttribute(path, "10");
    expect(await driver.isOpen("video10")).toBe(false);
    release();
  });

  test("whether a device is open is unknown where /sys can't be written to and another is open", async () => {
    const { kernel, driver } = await setUp();
    kernel.sysfsReadOnly = true;
    expect(await driver.isOpen("video10")).toBe(false);
    const release = kernel.hold(11);
    expect(await driver.isOpen("video10")).toBeUndefined();
    release();
  });

  test.each(["", "many", "-1\n", "\0\0"])("max_openers of %j is ignored", async (text) => {
    const { kernel, driver } = await setUp();
    writeFileSync(join(kernel.sysfsDir, "class/video4linux/video10/max_openers"), text);
    expect((await driver.inspect()).map(({ id }) => id)).toEqual(["video10", "video11"]);
  });
});

describe("on a kernel that does not clear memory", () => {
  const warnings = (log: ReturnType<typeof recordingLogger>) =>
    log.lines.filter(({ level }) => level === "warn");

  test("warns once, with the remedy", async () => {
    const { driver, log } = await setUp({}, LEAKS);
    await driver.ensure();
    await driver.reset("video10");
    expect(warnings(log)).toHaveLength(1);
    expect(warnings(log)[0]?.fields["remedy"]).toContain("init_on_alloc=1");
  });

  test("does nothing if the kernel clears memory", async () => {
    const { kernel, driver, log } = await setUp({}, { initOnAlloc: true });
    await driver.reset("video10");
    expect(kernel.journal).toEqual(["remove 10", "add 10"]);
    expect(warnings(log)).toEqual([]);
  });

  test("or may not, a reset overwrites frames, and a warning is logged once", async () => {
    const { kernel, driver, log } = await setUp({}, { initOnAlloc: undefined });
    misuse(kernel, 10);
    await driver.reset("video10");
    await driver.ensure();
    expect(kernel.givenBack.map((frame) => frame.includes(42))).toEqual([false]);
    expect(warnings(log).map(({ fields }) => fields["remedy"])).toEqual([
      expect.stringMatching(/init_on_alloc=1.*\/boot\/config/),
    ]);
  });

  test("a reset overwrites the frames that are left before it frees their buffers", async () => {
    const { kernel, driver } = await setUp({}, LEAKS);
    misuse(kernel, 10);
    await driver.reset("video10");
    // For the timeout image that the last tenant may have asked for, for the buffers, and for that image.
    expect(kernel.journal).toEqual(["open 10", "open 10", "open 10", "remove 10", "add 10"]);
    expect(kernel.givenBack.map((frame) => frame.includes(42))).toEqual([false]);
  });

  test("a reset overwrites the frames also if the tenant asked that the next opener gets the timeout image", async () => {
    const { kernel, driver } = await setUp({}, LEAKS);
    misuse(kernel, 10);
    {
      using file = kernel.openVideo(join(kernel.deviceDir, "video10"));
      file.setControl(controlId.timeoutImageIo, 1);
    }
    await driver.reset("video10");
    expect(kernel.givenBack.map((frame) => frame.includes(42))).toEqual([false]);
  });

  test("where the kernel clears memory, the frames are freed as they are", async () => {
    const { kernel, driver } = await setUp();
    misuse(kernel, 10);
    await driver.reset("video10");
    expect(kernel.givenBack.map((frame) => frame.includes(42))).toEqual([true]);
  });

  test("a device that a process has open is not written to", async () => {
    const { kernel, driver } = await setUp({}, LEAKS);
    kernel.hold(10);
    await expect(driver.reset("video10")).rejects.toMatchObject({ code: "device_busy" });
    expect(kernel.journal).toEqual([]);
  });

  test("what can't be overwritten is logged, and the device reset nevertheless", async () => {
    const { kernel, driver, log } = await setUp({}, LEAKS);
    kernel.before = (entry) => {
      if (entry.startsWith("open")) throw new ErrnoError(1, "open");
    };
    await driver.reset("video10");
    expect(kernel.journal).toEqual(["remove 10", "add 10"]);
    expect(warnings(log).at(-1)?.fields).toMatchObject({ device_id: "video10" });
  });
});
