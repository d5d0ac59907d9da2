import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../../test/support/code-of.ts";
import { eventually } from "../../../test/support/eventually.ts";
import {
  type FakeKernelOptions,
  FakeLoopbackKernel,
} from "../../../test/support/fake-loopback-kernel.ts";
import { steppingClock } from "../../../test/support/stepping-clock.ts";
import { systemClock } from "../../common/clock.ts";
import type { LogFields } from "../../common/logger.ts";
import { silentLogger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { ErrnoError } from "../../linux/errno-error.ts";
import { okObservation } from "../driver.ts";
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
    ...{ cardLabel: "My WebCam", nodeName: "node-7", numberTaken: "refuse" },
    ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080, initOnAlloc: true },
    modprobeDirs: [join(kernel.root, "etc/modprobe.d")],
    ...{ deviceDir, sysfsDir, modulesDir, kernelRelease },
    ...overrides,
  };
  const clock = options.nodeDelayMs === undefined ? steppingClock() : systemClock;
  const driver = new LoopbackDriver(settings, { log, kernel, clock });
  return { kernel, driver, clock, warnings, infos };
}

function writeModprobe(kernel: FakeLoopbackKernel, text: string): void {
  const directory = join(kernel.root, "etc/modprobe.d");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "cameras.conf"), text);
}

const all = ({ devices }: LoopbackDriver) => new Set(devices.map(({ id }) => id));
const asIds = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id);

describe("the loopback driver's ensure", () => {
  const DEPENDENCIES = ["finit mc.ko", "finit videodev.ko"];

  test("with a control device, loads none and adds each", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    const adds = ["add 10", "add 11", "add 12"];
    expect(kernel.journal).toEqual([...DEPENDENCIES, "finit v4l2loopback.ko", ...adds]);
    for (const { number } of driver.devices) {
      expect(kernel.device(number)).toMatchObject({ label: "My WebCam", exclusive: true });
    }
  });

  test("without a control device, loads all devices as parameters", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" });
    await driver.ensure();
    expect(kernel.journal).toEqual([
      ...DEPENDENCIES,
      "finit v4l2loopback.ko",
      "delete v4l2loopback",
      "finit v4l2loopback.ko",
    ]);
    for (const { number } of driver.devices) {
      expect(kernel.device(number)).toMatchObject({ label: "My WebCam", exclusive: true });
    }
  });

  test("with a control device it may not open, loads all devices as parameters", async () => {
    const { kernel, driver } = setUp();
    kernel.controlForbidden = true;
    expect((await driver.ensure()).created).toHaveLength(3);
    expect(kernel.journal.at(-1)).toBe("finit v4l2loopback.ko");
  });

  /** What a module's file says about itself. */
  function writeModuleInfo(kernel: FakeLoopbackKernel, version: string | undefined): void {
    const lines = [...(version === undefined ? [] : [`version=${version}`])];
    lines.push(`vermagic=${kernel.kernelRelease} SMP`);
    const tree = join(kernel.modulesDir, kernel.kernelRelease);
    const text = `module v4l2loopback\0${lines.join("\0")}\0`;
    writeFileSync(join(tree, "kernel/v4l2loopback/v4l2loopback.ko"), text);
  }
  const crashing = { version: "0.15.1", kernelRelease: "6.18.3-arch1-1" } as const;
  const defect = "Module v4l2loopback has a known defect";

  test("a module that crashes this kernel is refused before it is loaded", async () => {
    const { kernel, driver } = setUp(crashing);
    writeModuleInfo(kernel, "0.15.1");
    expect(await PluginError.from(await driver.ensure().catch((e) => e))).toMatchObject({
      code: "module_unsafe",
      message: expect.stringMatching(/0\.15\.1 crashes Linux 6\.18 .* this is 6\.18\.3-arch1-1\.$/),
      remedy: expect.stringContaining("0.15.3"),
    });
    expect(kernel.journal).toEqual([]);
  });

  /** A kernel on which the version of the module shows only after the load. */
  function setUpCompressed() {
    const made = setUp(crashing);
    made.kernel.installModules({
      "mc.ko": "",
      "videodev.ko": "mc.ko",
      "v4l2loopback.ko.xz": "videodev.ko mc.ko",
    });
    writeFileSync(join(made.kernel.sysfsDir, "module/compression"), "xz\n");
    return made;
  }

  test("a file whose version only the loaded module shows is unloaded before it has a device", async () => {
    const { kernel, driver } = setUpCompressed();
    expect(await codeOf(driver.ensure())).toBe("module_unsafe");
    expect(kernel.journal).toEqual([
      ...DEPENDENCIES,
      "finit v4l2loopback.ko.xz 4",
      "delete v4l2loopback",
    ]);
  });

  /** A process has the module open for the next `times` tries to unload it. */
  function pinModule(kernel: FakeLoopbackKernel, times: number): void {
    kernel.before = (entry) => {
      if (entry === "delete v4l2loopback" && times-- > 0) {
        throw new ErrnoError(11, "delete_module");
      }
    };
  }

  test("a refused module that a process uses for a moment is unloaded after that", async () => {
    const { kernel, driver } = setUpCompressed();
    pinModule(kernel, 2);
    expect(await codeOf(driver.ensure())).toBe("module_unsafe");
    expect(kernel.loaded.has("v4l2loopback")).toBe(false);
  });

  test("a refused module that can't be unloaded is never used", async () => {
    const { kernel, driver } = setUpCompressed();
    pinModule(kernel, Number.POSITIVE_INFINITY);
    expect(await codeOf(driver.ensure())).toBe("module_unsafe");
    expect(kernel.loaded.has("v4l2loopback")).toBe(true);
    expect(PluginError.from(await driver.ensure().catch((e) => e))).toMatchObject({
      code: "module_unsafe",
      message: expect.stringMatching(/^The loaded v4l2loopback is not used: v4l2loopback 0\.15\.1/),
    });
    expect(kernel.journal.filter((entry) => entry.startsWith("add"))).toEqual([]);
    pinModule(kernel, 0);
    await driver.release();
    expect(kernel.loaded.has("v4l2loopback")).toBe(false);
  });

  test("a module that crashes this kernel is loaded on request, with a warning", async () => {
    const { kernel, driver, warnings } = setUp(crashing, { loadUnsafe: true });
    writeModuleInfo(kernel, "0.15.1");
    expect((await driver.ensure()).created).toHaveLength(3);
    await driver.ensure();
    expect(warnings.map(([msg]) => msg)).toEqual([defect]);
  });

  test("a module that another program loaded, and that crashes this kernel, is warned of and stays", async () => {
    const { kernel, driver, warnings } = setUp(crashing);
    kernel.preload("devices=0");
    expect((await driver.ensure()).created).toHaveLength(3);
    expect(warnings).toMatchObject([[defect, { module_version: "0.15.1" }]]);
  });

  test("a module that may have the fix is loaded, with a warning that says how to find out", async () => {
    const { kernel, driver, warnings } = setUp({
      version: "0.12.7",
      kernelRelease: "7.0.0-44-generic",
    });
    writeModuleInfo(kernel, undefined);
    expect((await driver.ensure()).created).toHaveLength(3);
    expect(warnings).toMatchObject([
      [defect, { remedy: expect.stringContaining("0.12.7-2ubuntu5.2") }],
    ]);
  });

  test("a module that is built in is neither loaded nor unloaded, and adds devices", async () => {
    const { kernel, driver } = setUp({ builtIn: true });
    expect((await driver.ensure()).created).toHaveLength(3);
    expect(kernel.journal).toEqual(["add 10", "add 11", "add 12"]);
  });

  test("a built-in module that can't add devices needs them on the kernel's command line", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7", builtIn: true });
    const { failed } = await driver.ensure();
    expect(failed.map(({ error }) => PluginError.from(error))).toMatchObject(
      driver.devices.map(() => ({
        code: "not_supported",
        remedy: expect.stringMatching(
          /command line .*reboot: v4l2loopback\.devices=3 v4l2loopback\.video_nr=10,11,12 v4l2loopback\.exclusive_caps=1,1,1$/,
        ),
      })),
    );
    expect(kernel.journal.filter((entry) => entry.startsWith("finit"))).toEqual([]);
  });

  test.each(["0.12.7", "0.15.4"] as const)(
    "device rules that forbid to open devices of %s are one error, and no device is offered",
    async (version) => {
      const { kernel, driver } = setUp({ version });
      kernel.preload("devices=3 video_nr=10,11,12");
      expect(await driver.inspect()).toMatchObject([{ state: "ok" }, {}, {}]);
      kernel.devicesForbidden = true;
      const refused = PluginError.from(await driver.ensure().catch((e) => e));
      expect(refused).toMatchObject({ code: "device_not_permitted" });
      expect(refused.message).toContain(`${kernel.deviceDir}/video10 can't be opened`);
      const seen = (await driver.inspect()).map(({ state, reason, fix }) => [state, reason, fix]);
      expect(seen).toEqual(driver.devices.map(() => ["unavailable", "not_permitted", "none"]));
    },
  );

  test("device rules that forbid to add devices are one error", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=0");
    kernel.devicesForbidden = true;
    const refused = PluginError.from(await driver.ensure().catch((e) => e));
    expect(refused.message).toContain(`${kernel.deviceDir}/v4l2loopback can't be opened`);
  });

  test("a driver that only creates devices needs to open none", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" }, { opensDevices: false });
    kernel.devicesForbidden = true;
    expect((await driver.ensure()).created).toHaveLength(3);
    expect((await driver.inspect()).map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  });

  test("a driver that only inspects needs to open no device", async () => {
    const { kernel, driver } = setUp({}, { readOnly: true });
    kernel.preload("devices=3 video_nr=10,11,12");
    kernel.devicesForbidden = true;
    expect((await driver.inspect()).map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  });

  test("a kill between the two loads of 0.12 is put right by the next ensure", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" });
    kernel.preload("devices=0");
    expect((await driver.ensure()).created).toHaveLength(3);
  });

  test("each device has a label of its own, if the template says so", async () => {
    for (const version of ["0.12.7", "0.15.4"] as const) {
      const { kernel, driver } = setUp({ version }, { cardLabel: "{node} {id}/{n}" });
      await driver.ensure();
      expect(kernel.device(11)).toMatchObject({ label: "node-7 video11/11" });
    }
  });

  test.each([
    ["My\0Cam", "My", "at a NUL"],
    ["My very own and rather long WebCam 🎥", "My very own and rather long Web", "at 31 bytes"],
    ["My very own and longer WebCam  {id}", "My very own and longer WebCam", "before white space"],
    ["👨🏽‍👩🏽‍👧🏽‍👦🏽", "👨🏽‍👩🏽‍👧🏽", "within what has more than 31 bytes"],
  ])("a label of %j becomes %j, as it ends %s", async (cardLabel, label) => {
    for (const version of ["0.12.7", "0.15.4"] as const) {
      const { kernel, driver, warnings } = setUp({ version }, { cardLabel });
      await driver.ensure();
      expect(kernel.device(10)).toMatchObject({ label });
      expect(warnings).toEqual([]);
    }
  });

  test("a label that only the control device accepts goes through it", async () => {
    const { kernel, driver, warnings } = setUp({}, { cardLabel: 'a, "b" 🎥' });
    await driver.ensure();
    expect(kernel.device(10)).toMatchObject({ label: 'a, "b" 🎥' });
    expect(warnings).toEqual([]);
  });

  test("frames are bounded, by parameter and by the control device", async () => {
    for (const version of ["0.12.7", "0.15.4"] as const) {
      const { kernel, driver } = setUp({ version });
      await driver.ensure();
      expect(kernel.device(10)).toMatchObject({ maxWidth: 1920, maxHeight: 1080 });
    }
  });

  test("options for modprobe are merged, but those that are the program's own", async () => {
    const { kernel, driver, warnings, infos } = setUp({ version: "0.12.7" });
    writeModprobe(kernel, "options v4l2loopback devices=2 max_openers=20");
    expect((await driver.ensure()).created).toHaveLength(3);
    expect(infos.at(-1)?.[1]["module_params"]).toEndWith(" max_openers=20");
    expect(warnings).toMatchObject([
      ["Options of modprobe.d for v4l2loopback ignored", { module_params: ["devices=2"] }],
    ]);
  });

  test("an administrator's veto is honoured", async () => {
    const { kernel, driver } = setUp();
    writeModprobe(kernel, "install v4l2loopback /bin/false");
    await expect(driver.ensure()).rejects.toMatchObject({ code: "module_vetoed" });
    expect(kernel.journal).toEqual([]);
  });

  test("host paths are the host's, wherever this process sees the nodes", () => {
    expect(setUp().driver.devices.map(({ nodes }) => nodes)).toEqual([
      [{ hostPath: "/dev/video10" }],
      [{ hostPath: "/dev/video11" }],
      [{ hostPath: "/dev/video12" }],
    ]);
  });

  test("where nodes do not appear, creates those of 246 devices before a liveness probe would see a hang", async () => {
    const { kernel, driver, clock } = setUp({ devtmpfs: false }, { maxDevices: 246 });
    const started = clock.now();
    const { created } = await driver.ensure();
    expect(created).toHaveLength(246);
    expect(kernel.journal.filter((entry) => entry.startsWith("mknod video"))).toHaveLength(246);
    expect(clock.now() - started).toBeLessThan(45_000);
  });

  test.each([8, 64, 246])("creates %d devices with a control device", async (maxDevices) => {
    const { kernel, driver } = setUp({}, { maxDevices });
    expect((await driver.ensure()).created).toHaveLength(maxDevices);
    expect(kernel.journal.filter((entry) => entry.startsWith("add"))).toHaveLength(maxDevices);
  });

  test("refuses more than eight before 0.13, with the way out, and leaves nothing half made", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" }, { maxDevices: 9 });
    await expect(driver.ensure()).rejects.toMatchObject({
      code: "too_many_devices",
      message: expect.stringMatching(/only 0\.13 and later/),
      remedy: expect.stringMatching(/MAX_DEVICES to 8 or less/),
    });
    expect(kernel.loaded.has("v4l2loopback")).toBe(false);
    kernel.preload("devices=2 video_nr=10,11");
    await expect(driver.ensure()).rejects.toMatchObject({ code: "too_many_devices" });
  });

  test("a device that the kernel gave another number is reported with that number", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" });
    kernel.addForeign(11, "USB Camera");
    kernel.preload("devices=3 video_nr=10,11,12");
    kernel.unplug(11);
    expect((await driver.inspect()).map(({ reason }) => reason)).toEqual([
      "ok",
      "wrong_number",
      "ok", // it was asked for as video11
    ]);
    expect((await driver.inspect())[1]?.detail).toContain("created video13 instead");
    expect(asIds((await driver.ensure()).failed)).toEqual(["video11"]);
  });

  describe("with a module of 0.12 that has created other numbers than it was loaded for", () => {
    function withOtherNumbers(params = "devices=3 video_nr=10,11,12") {
      const made = setUp({ version: "0.12.7" });
      made.kernel.addForeign(11, "USB Camera");
      made.kernel.preload(params);
      made.kernel.unplug(11);
      made.kernel.journal.length = 0;
      return made;
    }

    test("loads it again if all devices are free", async () => {
      const { kernel, driver, warnings } = withOtherNumbers();
      const report = await driver.ensure({ recreatable: all(driver) });
      expect(report).toEqual({
        created: ["video10", "video11", "video12"],
        adopted: [],
        failed: [],
      });
      expect(kernel.device(13)).toBeUndefined();
      expect(kernel.device(11)?.label).toBe("My WebCam");
      expect(warnings[0]).toEqual([
        "Module v4l2loopback unloaded, to be loaded with the right device numbers",
        {
          device_ids: ["video11"],
          module_device_numbers: [10, 12, 13],
          asked_device_numbers: [10, 11, 12],
        },
      ]);
    });

    test("leaves it if a pod may own one of them, be it another", async () => {
      const { kernel, driver } = withOtherNumbers();
      const report = await driver.ensure({ recreatable: new Set(["video10", "video11"]) });
      expect(asIds(report.failed)).toEqual(["video11"]);
      expect(kernel.journal).not.toContain("delete v4l2loopback");
    });

    test("leaves it if a process has one open", async () => {
      const { kernel, driver } = withOtherNumbers();
      kernel.hold(13);
      expect(asIds((await driver.ensure({ recreatable: all(driver) })).failed)).toEqual([
        "video11",
      ]);
      expect(kernel.device(13)).toBeDefined();
    });

    test.each([
      "devices=4 video_nr=10,11,12,20",
      "devices=4 video_nr=10,11,12,-1",
      "devices=3 video_nr=-1,11,12",
    ])("leaves it if it has devices that are not ours (%s)", async (params) => {
      const { kernel, driver } = withOtherNumbers(params);
      await driver.ensure({ recreatable: all(driver) });
      expect(kernel.journal).not.toContain("delete v4l2loopback");
    });
  });

  test.each(["", "garbage\n", "\0", "capture capture\n"])(
    "a state attribute of %j is no writer's mark",
    async (text) => {
      const { kernel, driver } = setUp();
      await driver.ensure();
      writeFileSync(join(kernel.sysfsDir, "class/video4linux/video10/state"), text);
      expect((await driver.inspect())[0]?.reason).toBe("ok");
    },
  );

  test("writes nothing in an inspection that is read-only, and does not take a writer's mark for a fault", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    // The module is in use, so that only a limit of openers would show whether this device is.
    kernel.hold(11);
    writeFileSync(join(kernel.sysfsDir, "class/video4linux/video10/state"), "capture\n");
    let writes = 0;
    const write = kernel.writeAttribute.bind(kernel);
    kernel.writeAttribute = (path, text) => {
      writes += 1;
      write(path, text);
    };
    const [seen] = await driver.inspect({ readOnly: true });
    expect({ reason: seen?.reason, writes }).toEqual({ reason: "ok", writes: 0 });
    await driver.inspect();
    expect(writes).toBeGreaterThan(0);
  });

  test("reports what is streamed, and no format that outlived its stream", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    const attribute = (name: string, text: string) =>
      writeFileSync(join(kernel.sysfsDir, "class/video4linux/video10", name), text);
    kernel.hold(10);
    attribute("format", "YUYV:640x480@30\n");
    expect((await driver.inspect())[0]).toEqual({
      ...okObservation("video10"),
      deviceNumber: "81:0",
    });
    attribute("state", "capture\n");
    expect((await driver.inspect())[0]?.format).toBe("YUYV 640x480 30 fps");
  });

  test("skips numbers that others use, if so configured, for its life", async () => {
    const kernel = new FakeLoopbackKernel();
    kernels.push(kernel);
    kernel.addForeign(11, "USB Camera");
    const { driver } = setUp({}, { numberTaken: "elsewhere", sysfsDir: kernel.sysfsDir });
    expect(asIds(driver.devices)).toEqual(["video10", "video12", "video13"]);
    expect(asIds(setUp({}, { sysfsDir: kernel.sysfsDir }).driver.devices)).toContain("video11");
  });

  test("leaves another driver's device alone and creates the others where they belong", async () => {
    const { kernel, driver } = setUp();
    kernel.addForeign(11, "USB Camera");
    const report = await driver.ensure();
    expect(report.created).toEqual(["video10", "video12"]);
    expect(report.failed).toMatchObject([{ id: "video11", error: { code: "device_foreign" } }]);
    expect(kernel.device(11)).toMatchObject({ label: "USB Camera" });
    expect(kernel.device(13)).toBeUndefined();
    expect(statSync(join(kernel.deviceDir, "video11")).mode & 0o777).toBe(0o600);
    const states = (await driver.inspect()).map(({ reason }) => reason);
    expect(states).toEqual(["ok", "wrong_driver", "ok"]);
  });

  test("loads nothing if other drivers use all numbers", async () => {
    const { kernel, driver } = setUp({}, { maxDevices: 1 });
    kernel.addForeign(10, "USB Camera");
    expect(asIds((await driver.ensure()).failed)).toEqual(["video10"]);
    expect(kernel.journal).toEqual([]);
  });

  test("believes /sys and not the kernel's word when another loader's parameters won", async () => {
    const { kernel, driver, warnings } = setUp({ version: "0.12.7" });
    kernel.raceWith = "devices=2 video_nr=11,12 card_label=Other,Other";
    const report = await driver.ensure();
    expect(report).toMatchObject({ created: [], adopted: ["video11", "video12"] });
    expect(report.failed).toMatchObject([{ id: "video10", error: { code: "not_supported" } }]);
    expect(warnings.map(([msg, fields]) => [msg, fields["device_ids"]])).toEqual([
      ["Adopted devices have another card label", ["video11", "video12"]],
      ["Adopted devices were loaded with other capabilities", ["video11", "video12"]],
      ["Adopted devices accept larger frames", ["video11", "video12"]],
    ]);
  });

  test("adopts devices if another loader's parameters won the second load", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" });
    let loads = 0;
    kernel.before = (entry) => {
      if (entry !== "finit v4l2loopback.ko" || ++loads < 2) return;
      kernel.raceWith = "devices=4 video_nr=20,10,11,12";
    };
    const { created, adopted } = await driver.ensure();
    expect({ created, adopted }).toEqual({
      created: [],
      adopted: ["video10", "video11", "video12"],
    });
    await driver.release();
    expect(kernel.loaded.has("v4l2loopback")).toBe(true);
  });

  test("adopts a device that another program added meanwhile", async () => {
    const { kernel, driver } = setUp();
    kernel.afterLoad = () => kernel.addLoopback(11, "Other");
    const { created, adopted } = await driver.ensure();
    expect({ created, adopted }).toEqual({ created: ["video10", "video12"], adopted: ["video11"] });
  });

  test("adopts what the host has loaded and adds what is missing", async () => {
    const { kernel, driver, infos } = setUp();
    kernel.preload(
      'devices=1 video_nr=11 exclusive_caps=1 card_label="My WebCam" max_width=640 max_height=480',
    );
    const report = await driver.ensure();
    expect(report).toMatchObject({ created: ["video10", "video12"], adopted: ["video11"] });
    expect(kernel.journal).toEqual(["add 10", "add 12"]);
    expect(infos).toEqual([]);
  });

  test("warns of an adopted device that is different, once", async () => {
    const { kernel, driver, warnings } = setUp({}, { maxDevices: 1 });
    kernel.preload('devices=1 video_nr=10 exclusive_caps=0 card_label="Old Camera" max_buffers=5');
    await driver.ensure();
    await driver.ensure();
    expect(warnings).toEqual([
      [
        "Adopted devices have another card label",
        { device_ids: ["video10"], card_label: "Old Camera", wanted_card_label: "My WebCam" },
      ],
      [
        "Adopted devices were loaded with other capabilities",
        { device_ids: ["video10"], exclusive_caps: false, wanted_exclusive_caps: true },
      ],
      [
        "Adopted devices accept larger frames",
        { device_ids: ["video10"], max_frame: "8192x8192", wanted_max_frame: "1920x1080" },
      ],
      [
        "Adopted devices have another number of buffers",
        { device_ids: ["video10"], max_buffers: 5, wanted_max_buffers: 2 },
      ],
    ]);
  });

  test("warns in a line for each difference, of the devices that have it and were not logged yet", async () => {
    const { kernel, driver, warnings } = setUp();
    kernel.preload(
      "devices=2 video_nr=10,11 exclusive_caps=1,0 card_label=Other,Other max_width=1920 max_height=1080",
    );
    await driver.ensure();
    const label = { card_label: "Other", wanted_card_label: "My WebCam" };
    const caps = { exclusive_caps: false, wanted_exclusive_caps: true };
    expect(warnings).toEqual([
      ["Adopted devices have another card label", { device_ids: ["video10", "video11"], ...label }],
      ["Adopted devices were loaded with other capabilities", { device_ids: ["video11"], ...caps }],
    ]);
  });

  test("a device whose number is taken between looking and loading is a failure, not adopted", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=0");
    kernel.addForeign(12, "vivid");
    const report = await driver.ensure();
    expect(report.created).toEqual(["video10", "video11"]);
    expect(asIds(report.failed)).toEqual(["video12"]);
  });

  test("a number beyond the last possible one is refused at once", () => {
    expect(() => setUp({}, { firstDeviceNumber: 255, maxDevices: 2 })).toThrow(
      expect.objectContaining({ code: "device_numbers_exhausted" }),
    );
    expect(asIds(setUp({}, { firstDeviceNumber: 255, maxDevices: 1 }).driver.devices)).toEqual([
      "video255",
    ]);
  });

  test("creates a node that was deleted, without touching the device", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    rmSync(join(kernel.deviceDir, "video11"));
    expect((await driver.inspect())[1]).toMatchObject({
      reason: "missing",
      detail: expect.stringMatching(/no .*video11/),
    });
    kernel.journal.length = 0;
    const report = await driver.ensure();
    expect(report).toMatchObject({ created: [], adopted: ["video10", "video11", "video12"] });
    expect(kernel.journal).toEqual(["mknod video11"]);
  });

  test("in a directory that can't be written to, nodes that are missing or stale are reported one by one", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    const readOnly = () => {
      throw new ErrnoError(30, "mknodat");
    };
    rmSync(join(kernel.deviceDir, "video10"));
    rmSync(join(kernel.deviceDir, "video11"));
    kernel.makeNode(join(kernel.deviceDir, "video11"), { major: 81, minor: 77 });
    Object.assign(kernel, { makeNode: readOnly, removeNode: readOnly });
    const { failed } = await driver.ensure();
    expect(failed.map(({ id, error }) => [id, PluginError.from(error).code])).toEqual([
      ["video10", "node_not_changed"],
      ["video11", "node_not_changed"],
    ]);
    expect(failed[0]?.error.message).toMatch(
      /There is no .*video10, and it could not be created: .*EROFS/,
    );
    expect(failed[1]?.error.message).toMatch(
      /video11 belongs to another device, and could not be removed/,
    );
  });

  test.each(["", "81\n", undefined])(
    "leaves the node of a device alone that shows %j as its number, and that a process has open",
    async (text) => {
      const { kernel, driver } = setUp();
      await driver.ensure();
      kernel.hold(11);
      const attribute = join(kernel.sysfsDir, "class/video4linux/video11/dev");
      rmSync(attribute);
      if (text !== undefined) writeFileSync(attribute, text);
      expect((await driver.inspect())[1]?.reason).toBe("faulty");
      expect((await driver.ensure()).failed).toMatchObject([
        { id: "video11", error: { code: "device_faulty" } },
      ]);
      expect(existsSync(join(kernel.deviceDir, "video11"))).toBe(true);
    },
  );

  test("removes no camera's node where /sys is another directory", async () => {
    const sysfsDir = mkdtempSync(join(tmpdir(), "empty-"));
    const { kernel, driver } = setUp({}, { sysfsDir });
    kernel.addForeign(10, "USB Camera");
    await expect(driver.ensure()).rejects.toMatchObject({ code: "module_load_failed" });
    expect(existsSync(join(kernel.deviceDir, "video10"))).toBe(true);
    rmSync(sysfsDir, { recursive: true });
  });

  test("something else in a node's place is reported and left alone", async () => {
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
    const states = new Set((await driver.inspect()).map(({ reason }) => reason));
    expect([...states]).toEqual(["module_gone"]);
    expect((await driver.ensure()).created).toHaveLength(3);
  });

  describe.each(["0.12.7", "0.15.4"] as const)(
    "of devices that were lost together, with %s",
    (version) => {
      const PRELOADED = "devices=3 video_nr=12,10,11 exclusive_caps=1,1,1";
      const numbersOf = ({ driver, kernel }: ReturnType<typeof setUp>) =>
        driver.devices.map(({ id }) => kernel.lookAt(join(kernel.deviceDir, id)));

      test("gives each the number its node had, by which containers know it", async () => {
        const made = setUp({ version });
        made.kernel.preload(PRELOADED);
        await made.driver.inspect();
        const before = numbersOf(made);
        made.kernel.unload();
        const { created } = await made.driver.ensure();
        expect(created).toEqual(["video10", "video11", "video12"]);
        expect(numbersOf(made)).toEqual(before);
        expect(
          made.warnings.filter(([msg]) => msg === "Device recreated with another device number"),
        ).toEqual([]);
      });

      test("logs each that has another number, because a camera uses its own", async () => {
        const { kernel, driver, warnings } = setUp({ version });
        kernel.preload(PRELOADED);
        await driver.inspect();
        kernel.unload();
        kernel.addForeign(0, "USB Camera");
        await driver.ensure();
        expect(
          warnings.filter(([msg]) => msg === "Device recreated with another device number"),
        ).toMatchObject([
          [expect.anything(), { device_id: "video12", former_device_number: "81:0" }],
          [expect.anything(), { device_id: "video10", former_device_number: "81:1" }],
          [expect.anything(), { device_id: "video11", former_device_number: "81:2" }],
        ]);
      });
    },
  );

  test.each(["0.12.7", "0.15.4"] as const)(
    "replaces a node of a %s device that is gone, which by now may be another device",
    async (version) => {
      const { kernel, driver, warnings } = setUp({ version });
      const path = join(kernel.deviceDir, "video11");
      kernel.makeNode(path, { major: 81, minor: 99 });
      await driver.ensure();
      expect((await driver.inspect()).map(({ reason }) => reason)).toEqual(
        driver.devices.map(() => "ok"),
      );
      expect(warnings.map(([msg]) => msg)).toEqual(["Stale device node removed"]);
    },
  );

  test("replaces the stale node of a device that it adopts", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    const path = join(kernel.deviceDir, "video11");
    kernel.removeNode(path);
    kernel.makeNode(path, { major: 81, minor: 99 });
    const { adopted, failed } = await driver.ensure();
    expect({ adopted, failed }).toEqual({
      adopted: ["video10", "video11", "video12"],
      failed: [],
    });
    expect((await driver.inspect())[1]?.reason).toBe("ok");
  });

  test("sees all devices gone when the module goes during an inspection", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    const look = kernel.lookAt.bind(kernel);
    kernel.lookAt = (path) => {
      if (path.endsWith("video11")) {
        kernel.lookAt = look;
        kernel.beginUnload();
      }
      return look(path);
    };
    expect((await driver.inspect()).map(({ reason }) => reason)).toEqual(
      Array.from({ length: 3 }, () => "module_gone"),
    );
  });

  test("waits for an unloading that is under way instead of calling its devices missing", async () => {
    const { kernel, driver } = setUp({ nodeDelayMs: 0 });
    await driver.ensure();
    kernel.beginUnload();
    expect((await driver.inspect()).map(({ reason }) => reason)).toEqual(
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

  test("a load that left no trace is an error", async () => {
    const { kernel, driver } = setUp();
    kernel.afterLoad = () => kernel.unload();
    await expect(driver.ensure()).rejects.toMatchObject({ code: "module_load_failed" });
  });

  test("a control device that isn't visible differs from a version without one", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=1 video_nr=10");
    rmSync(join(kernel.deviceDir, "v4l2loopback"));
    kernel.makeNode = () => {
      throw new ErrnoError(30, "mknodat");
    };
    const [failed] = (await driver.ensure()).failed;
    expect(failed?.error.message).toMatch(
      /could not be created: mknodat: EROFS.*is the host's \/dev mounted there\?/,
    );
    expect(driver.capabilities()).toEqual({ remove: false });
  });

  test("can create what is missing through a control device that opens, and says so before", async () => {
    const missing = { reason: "missing", fix: "recreate" } as const;
    const { kernel, driver } = setUp();
    // Whether the module can be loaded shows when it is.
    expect(driver.canFix({ reason: "module_gone", fix: "recreate" })).toBe(false);
    kernel.preload("devices=1 video_nr=10");
    expect(driver.canFix(missing)).toBe(true);
    expect(driver.canFix({ reason: "wrong_driver", fix: "none" })).toBe(false);
    kernel.controlForbidden = true;
    expect(driver.canFix(missing)).toBe(false);
    const old = setUp({ version: "0.12.7" });
    old.kernel.preload("devices=1 video_nr=10");
    expect(old.driver.canFix(missing)).toBe(false);
    expect(old.driver.canFix({ reason: "dead_caps", fix: "repair" })).toBe(true);
    expect(kernel.journal.filter((step) => step.startsWith("add"))).toEqual([]);
  });

  test("creates the control device's node where it does not appear", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=1 video_nr=10");
    const path = join(kernel.deviceDir, "v4l2loopback");
    rmSync(path);
    expect(await driver.ensure()).toMatchObject({ created: ["video11", "video12"], failed: [] });
    expect(kernel.journal).toEqual(["mknod v4l2loopback", "add 11", "add 12"]);
    rmSync(path);
    kernel.journal.length = 0;
    await driver.reset("video10");
    expect(kernel.journal).toEqual(["mknod v4l2loopback", "remove 10", "add 10"]);
  });

  test("does not use a control device's node of another number, and replaces it", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=0");
    const path = join(kernel.deviceDir, "v4l2loopback");
    rmSync(path);
    kernel.makeNode(path, { major: 10, minor: 99 });
    expect((await driver.ensure()).failed).toEqual([]);
    expect(kernel.lookAt(path)).toMatchObject({ device: { major: 10, minor: 124 } });
  });

  test("leaves no control device's node behind that it has created", async () => {
    const { kernel, driver } = setUp();
    kernel.afterLoad = () => rmSync(join(kernel.deviceDir, "v4l2loopback"));
    await driver.ensure();
    expect(kernel.journal).toContain("mknod v4l2loopback");
    const remove = kernel.unload.bind(kernel);
    kernel.unload = () => {
      remove();
      // devtmpfs removes only nodes that it has made.
      kernel.makeNode(join(kernel.deviceDir, "v4l2loopback"), { major: 10, minor: 124 });
    };
    for (const { id } of driver.devices) await driver.remove(id);
    await driver.release();
    expect(existsSync(join(kernel.deviceDir, "v4l2loopback"))).toBe(false);
  });

  test("a label that can't be a parameter is refused where only parameters are possible", async () => {
    const { kernel, driver } = setUp({ version: "0.12.7" }, { cardLabel: "a,b" });
    await expect(driver.ensure()).rejects.toMatchObject({
      code: "card_label_invalid",
      message: expect.stringContaining("0.13"),
    });
    expect(kernel.loaded.has("v4l2loopback")).toBe(false);
  });

  test("a node that takes its time is waited for", async () => {
    const { kernel, driver } = setUp({ nodeDelayMs: 60 });
    const report = await driver.ensure();
    expect(report.failed).toEqual([]);
    expect(kernel.journal.filter((entry) => entry.startsWith("mknod"))).toEqual([]);
  });
});

describe("the loopback driver's description", () => {
  test("is that of the module that is loaded, and empty while none is", async () => {
    const { driver } = setUp({ version: "0.15.4" });
    expect(driver.describe()).toEqual({ moduleVersion: undefined, dynamic: false });
    await driver.ensure();
    expect(driver.describe()).toEqual({ moduleVersion: "0.15.4", dynamic: true });
  });

  test("has no version where the module doesn't say it", async () => {
    const { driver } = setUp({ version: "0.12.7" });
    await driver.ensure();
    expect(driver.describe()).toEqual({ moduleVersion: undefined, dynamic: false });
  });
});

describe("the loopback driver's reset", () => {
  test("removes the device and adds it again, at once", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.journal.length = 0;
    for (const id of ["video12", "video10"]) await driver.reset(id);
    expect(kernel.journal).toEqual(["remove 12", "add 12", "remove 10", "add 10"]);
    expect(kernel.device(12)).toMatchObject({ label: "My WebCam", exclusive: true });
  });

  test("waits for a process that opens it for a moment, as udev does", async () => {
    const { kernel, driver, clock } = setUp();
    await driver.ensure();
    const release = kernel.hold(10);
    const releaseAt = clock.now() + 120;
    const { sleep } = clock;
    clock.sleep = async (ms) => {
      await sleep(ms);
      if (clock.now() >= releaseAt) release();
    };
    await driver.reset("video10");
    expect((await driver.inspect())[0]?.reason).toBe("ok");
  });

  test("gives up on a device that stays open, and leaves it as it is", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.hold(10);
    kernel.journal.length = 0;
    await expect(driver.reset("video10")).rejects.toMatchObject({ code: "device_busy" });
    expect(kernel.journal.filter((entry) => entry.startsWith("add"))).toEqual([]);
    expect((await driver.inspect())[0]?.reason).toBe("ok");
  });

  test("creates a device that is gone", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.unplug(11);
    await driver.reset("video11");
    expect((await driver.inspect())[1]?.reason).toBe("ok");
  });

  test("replaces a node that devtmpfs would leave because a person created it", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.unplug(11);
    kernel.makeNode(join(kernel.deviceDir, "video11"), { major: 81, minor: 77 });
    await driver.ensure();
    expect((await driver.inspect())[1]).toMatchObject({ reason: "ok" });
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

describe("the loopback driver's watch", () => {
  test("is notified by uevents of its devices and its module, and by no others", async () => {
    const { kernel, driver } = setUp();
    let emit: (headline: string) => void = () => undefined;
    const chunks = new ReadableStream<Uint8Array>({
      start: (source) => {
        emit = (headline) => source.enqueue(Buffer.from(`${headline}\0SEQNUM=1\0`));
      },
    });
    kernel.uevents = () => ({ chunks, close: () => undefined });
    const stop = new AbortController();
    let notified = 0;
    driver.watch(() => notified++, stop.signal);
    const notifies = async (headline: string, expected: number) => {
      notified = 0;
      emit(headline);
      await eventually(() => notified >= expected, headline);
      await Bun.sleep(20);
      expect(notified).toBe(expected);
    };
    const video = "/devices/virtual/video4linux";
    await notifies(`remove@${video}/video10`, 1);
    await notifies("remove@/module/v4l2loopback", 1);
    await notifies(`add@${video}/video99`, 0);
    await notifies(`change@${video}/video10`, 0);
    await notifies("add@/module/vivid", 0);
    stop.abort();
  });
});
