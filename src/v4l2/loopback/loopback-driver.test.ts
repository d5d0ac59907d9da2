import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type FakeKernelOptions,
  FakeLoopbackKernel,
} from "../../../test/support/fake-loopback-kernel.ts";
import { steppingClock } from "../../../test/support/stepping-clock.ts";
import { systemClock } from "../../common/clock.ts";
import type { LogFields } from "../../observe/logger.ts";
import { silentLogger } from "../../observe/logger.ts";
import { LoopbackDriver } from "./loopback-driver.ts";
import type { LoopbackSettings } from "./loopback-settings.ts";

const kernels: FakeLoopbackKernel[] = [];
afterEach(() => {
  for (const kernel of kernels.splice(0)) kernel.close();
});

function setUp(options: FakeKernelOptions = {}, overrides: Partial<LoopbackSettings> = {}) {
  const kernel = new FakeLoopbackKernel(options);
  kernels.push(kernel);
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const warnings: [string, LogFields][] = [];
  const infos: [string, LogFields][] = [];
  const log = {
    ...silentLogger,
    warn: (msg: string, fields: LogFields = {}) => warnings.push([msg, fields]),
    info: (msg: string, fields: LogFields = {}) => infos.push([msg, fields]),
  };
  const settings: LoopbackSettings = {
    ...{ firstDeviceNumber: 10, maxDevices: 3, mode: 0o666, group: undefined },
    ...{ cardLabel: "My WebCam", exclusiveCaps: true, maxBuffers: 2 },
    ...{ deviceDir, sysfsDir, modulesDir, kernelRelease },
    ...overrides,
  };
  const clock = options.nodeDelayMs === undefined ? steppingClock() : systemClock;
  const driver = new LoopbackDriver(settings, { log, kernel, clock });
  return { kernel, driver, warnings, infos };
}

const asIds = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id);

describe("the loopback driver's ensure", () => {
  test.each(["0.12.7", "0.15.4"] as const)(
    "loads %s with all devices as parameters",
    async (version) => {
      const { kernel, driver } = setUp({ version });
      await driver.ensure();
      expect(kernel.journal).toEqual(["finit mc.ko", "finit videodev.ko", "finit v4l2loopback.ko"]);
      for (const { number } of driver.devices) {
        expect(kernel.device(number)).toMatchObject({ label: "My WebCam", exclusive: true });
      }
    },
  );

  test("host paths are the host's, wherever this process sees the nodes", () => {
    expect(setUp().driver.devices.map(({ hostPath }) => hostPath)).toEqual([
      "/dev/video10",
      "/dev/video11",
      "/dev/video12",
    ]);
  });

  test("adds those beyond the eighth one by one", async () => {
    const { kernel, driver } = setUp({}, { maxDevices: 10 });
    const report = await driver.ensure();
    expect(report.created).toHaveLength(10);
    expect(kernel.journal.slice(-2)).toEqual(["add 18", "add 19"]);
    expect(kernel.device(19)).toMatchObject({ label: "My WebCam", exclusive: true });
  });

  test("says what to do about more than eight before 0.13", async () => {
    const { driver } = setUp({ version: "0.12.7" }, { maxDevices: 9 });
    const report = await driver.ensure();
    expect(report.created).toHaveLength(8);
    expect(report.failed).toMatchObject([
      {
        id: "video18",
        error: { code: "not_supported", message: expect.stringMatching(/0\.13 and later/) },
      },
    ]);
  });

  test("leaves another driver's device alone and makes the others where they belong", async () => {
    const { kernel, driver } = setUp();
    kernel.addForeign(11, "USB Camera");
    const report = await driver.ensure();
    expect(report.created).toEqual(["video10", "video12"]);
    expect(report.failed).toMatchObject([{ id: "video11", error: { code: "device_foreign" } }]);
    expect(kernel.device(11)).toMatchObject({ label: "USB Camera" });
    expect(kernel.device(13)).toBeUndefined();
    expect(statSync(join(kernel.deviceDir, "video11")).mode & 0o777).toBe(0o600);
    const states = (await driver.inspect()).map(({ state }) => state);
    expect(states).toEqual(["ok", "wrong_driver", "ok"]);
  });

  test("loads nothing if all numbers are somebody else's", async () => {
    const { kernel, driver } = setUp({}, { maxDevices: 1 });
    kernel.addForeign(10, "USB Camera");
    expect(asIds((await driver.ensure()).failed)).toEqual(["video10"]);
    expect(kernel.journal).toEqual([]);
  });

  test("believes /sys and not the kernel's word when another loader's parameters won", async () => {
    const { kernel, driver, warnings } = setUp({ version: "0.12.7" });
    kernel.raceWith = 'devices=2 video_nr=11,12 card_label="Other"';
    const report = await driver.ensure();
    expect(report.created).toEqual(["video11", "video12"]);
    expect(report.failed).toMatchObject([{ id: "video10", error: { code: "not_supported" } }]);
    expect(warnings.map(([msg, fields]) => [msg, fields["device_id"]])).toEqual([
      ["an adopted device has another card label", "video11"],
      ["an adopted device was loaded with other capabilities", "video11"],
      ["an adopted device has another card label", "video12"],
      ["an adopted device was loaded with other capabilities", "video12"],
    ]);
  });

  test("adopts what the host has loaded and adds what is missing", async () => {
    const { kernel, driver, infos } = setUp();
    kernel.preload('devices=1 video_nr=11 exclusive_caps=1 card_label="My WebCam"');
    const report = await driver.ensure();
    expect(report).toMatchObject({ created: ["video10", "video12"], adopted: ["video11"] });
    expect(kernel.journal).toEqual(["add 10", "add 12"]);
    expect(infos).toEqual([]);
  });

  test("warns of an adopted device that is different, once", async () => {
    const { kernel, driver, warnings } = setUp({}, { maxDevices: 1 });
    kernel.preload('devices=1 video_nr=10 exclusive_caps=0 card_label="Old Camera"');
    await driver.ensure();
    await driver.ensure();
    expect(warnings).toEqual([
      [
        "an adopted device has another card label",
        { device_id: "video10", card_label: "Old Camera", wanted_card_label: "My WebCam" },
      ],
      [
        "an adopted device was loaded with other capabilities",
        { device_id: "video10", exclusive_caps: false, wanted_exclusive_caps: true },
      ],
    ]);
  });

  test("a device whose number is taken between looking and loading is told, not adopted", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=0");
    kernel.addForeign(12, "vivid");
    const report = await driver.ensure();
    expect(report.created).toEqual(["video10", "video11"]);
    expect(asIds(report.failed)).toEqual(["video12"]);
  });

  test("a number that doesn't exist is refused and what was made instead is removed", async () => {
    const { kernel, driver } = setUp({}, { firstDeviceNumber: 255, maxDevices: 2 });
    const report = await driver.ensure();
    expect(report.created).toEqual(["video255"]);
    expect(report.failed).toMatchObject([
      {
        id: "video256",
        error: { code: "device_number_taken", message: expect.stringMatching(/none above 255/) },
      },
    ]);
    expect(kernel.journal.slice(-2)).toEqual(["add 256", "remove 0"]);
    expect(kernel.device(0)).toBeUndefined();
  });

  test("makes a node that was deleted, without touching the device", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    rmSync(join(kernel.deviceDir, "video11"));
    expect((await driver.inspect())[1]).toMatchObject({
      state: "missing",
      detail: expect.stringMatching(/no .*video11/),
    });
    kernel.journal.length = 0;
    const report = await driver.ensure();
    expect(report).toMatchObject({ created: ["video11"], adopted: ["video10", "video12"] });
    expect(kernel.journal).toEqual(["mknod video11"]);
  });

  test("something else in a node's place is told and left alone", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    rmSync(join(kernel.deviceDir, "video11"));
    mkdirSync(join(kernel.deviceDir, "video11"), { mode: 0o700 });
    const report = await driver.ensure();
    expect(report.failed).toMatchObject([
      {
        id: "video11",
        error: {
          code: "device_wrong_driver",
          message: expect.stringMatching(/not a character device/),
        },
      },
    ]);
    expect(statSync(join(kernel.deviceDir, "video11")).mode & 0o777).toBe(0o700);
  });

  test("loads the module again after it was unloaded", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.unload();
    const states = new Set((await driver.inspect()).map(({ state }) => state));
    expect([...states]).toEqual(["module_gone"]);
    expect((await driver.ensure()).created).toHaveLength(3);
  });

  test.each(["0.12.7", "0.15.4"] as const)(
    "replaces a node of a %s device that is gone, which by now may be another device",
    async (version) => {
      const { kernel, driver, warnings } = setUp({ version });
      const path = join(kernel.deviceDir, "video11");
      kernel.makeNode(path, { major: 81, minor: 99 });
      await driver.ensure();
      expect(await driver.inspect()).toEqual(
        driver.devices.map(({ id }) => ({ id, state: "ok", detail: "" })),
      );
      expect(warnings.map(([msg]) => msg)).toEqual(["a stale device node was removed"]);
    },
  );

  test("replaces the stale node of a device that it adopts", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    const path = join(kernel.deviceDir, "video11");
    kernel.removeNode(path);
    kernel.makeNode(path, { major: 81, minor: 99 });
    const { adopted, failed } = await driver.ensure();
    expect({ adopted, failed }).toMatchObject({ adopted: ["video10", "video12"], failed: [] });
    expect((await driver.inspect())[1]?.state).toBe("ok");
  });

  test("waits for an unloading that is under way instead of calling its devices missing", async () => {
    const { kernel, driver } = setUp({ nodeDelayMs: 0 });
    await driver.ensure();
    kernel.beginUnload();
    expect((await driver.inspect()).map(({ state }) => state)).toEqual(
      Array.from({ length: 3 }, () => "module_gone"),
    );
    const again = driver.ensure();
    setTimeout(() => kernel.unload(), 30);
    expect((await again).failed).toEqual([]);
    expect(kernel.loaded.has("v4l2loopback")).toBe(true);
  });

  test("rejects with the reason if the module can't be loaded, and may be tried again", async () => {
    const { kernel, driver } = setUp();
    kernel.failures.push(["v4l2loopback", 129]);
    await expect(driver.ensure()).rejects.toMatchObject({ code: "module_signature_rejected" });
    expect((await driver.ensure()).created).toHaveLength(3);
  });

  test("a load that left no trace is not believed", async () => {
    const { kernel, driver } = setUp();
    kernel.afterLoad = () => kernel.unload();
    await expect(driver.ensure()).rejects.toMatchObject({ code: "module_load_failed" });
  });

  test("a control device that isn't visible is told from a version without one", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=1 video_nr=10");
    rmSync(join(kernel.deviceDir, "v4l2loopback"));
    const [failed] = (await driver.ensure()).failed;
    expect(failed?.error.message).toContain("is the host's /dev mounted there?");
    expect(driver.capabilities()).toEqual({ create: false, reset: false });
  });

  test("a label that can't be a parameter is refused before anything is loaded", async () => {
    const { kernel, driver } = setUp({}, { cardLabel: "a,b" });
    await expect(driver.ensure()).rejects.toMatchObject({ code: "card_label_invalid" });
    expect(kernel.journal).toEqual([]);
  });

  test("a node that takes its time is waited for", async () => {
    const { kernel, driver } = setUp({ nodeDelayMs: 60 });
    const report = await driver.ensure();
    expect(report.failed).toEqual([]);
    expect(kernel.journal.filter((entry) => entry.startsWith("mknod"))).toEqual([]);
  });
});

describe("the loopback driver's reset", () => {
  test("removes the device and adds it again, at once", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.journal.length = 0;
    await Promise.all([driver.reset("video12"), driver.reset("video10")]);
    expect(kernel.journal).toEqual(["remove 12", "add 12", "remove 10", "add 10"]);
    expect(kernel.device(12)).toMatchObject({ label: "My WebCam", exclusive: true });
  });

  test("waits for somebody who opens it for a moment, as udev does", async () => {
    const { kernel, driver } = setUp({ nodeDelayMs: 0 });
    await driver.ensure();
    const release = kernel.hold(10);
    setTimeout(release, 120);
    await driver.reset("video10");
    expect((await driver.inspect())[0]?.state).toBe("ok");
  });

  test("gives up on a device that stays open, and leaves it as it is", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.hold(10);
    kernel.journal.length = 0;
    await expect(driver.reset("video10")).rejects.toMatchObject({ code: "device_busy" });
    expect(kernel.journal.filter((entry) => entry.startsWith("add"))).toEqual([]);
    expect((await driver.inspect())[0]?.state).toBe("ok");
  });

  test("makes a device that is gone", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.unplug(11);
    await driver.reset("video11");
    expect((await driver.inspect())[1]?.state).toBe("ok");
  });

  test("replaces a node that devtmpfs would leave because somebody made it by hand", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.unplug(11);
    kernel.makeNode(join(kernel.deviceDir, "video11"), { major: 81, minor: 77 });
    await driver.ensure();
    expect((await driver.inspect())[1]).toMatchObject({ state: "ok" });
  });

  test("is not for another driver's device", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.unplug(11);
    kernel.addForeign(11, "USB Camera");
    await expect(driver.reset("video11")).rejects.toMatchObject({ code: "device_foreign" });
    expect(kernel.device(11)).toMatchObject({ label: "USB Camera" });
  });
});
