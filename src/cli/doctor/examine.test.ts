import { describe, expect, test } from "bun:test";
import { PluginError } from "../../common/plugin-error.ts";
import { loadConfig } from "../../config/load-config.ts";
import type { CameraNode } from "../../drivers/camera/index.ts";
import { type DeviceObservation, okObservation } from "../../drivers/driver.ts";
import { faultOf } from "../../drivers/loopback/device/device-state.ts";
import type { SysfsDevice } from "../../drivers/loopback/device/sysfs.ts";
import type { LoadedFacts, RangeDevice } from "../../drivers/loopback/index.ts";
import type { LoadProbes } from "../../drivers/loopback/module/load-probes.ts";
import { noAccess } from "../tools/connects.ts";
import type { Check } from "./check.ts";
import { examine, isFit } from "./examine.ts";
import type { Facts } from "./facts.ts";
import { renderChecks } from "./render-checks.ts";

function configOf(...argv: string[]) {
  const loaded = loadConfig({
    ...{ argv, env: {}, hostname: "node" },
    ...{ readFile: () => "", lookupGroup: () => undefined },
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

const probes: LoadProbes = {
  sysModule: true,
  initialUserNamespace: true,
  modulesDisabled: false,
  lockdown: "none",
  signatureEnforced: false,
  blacklisted: false,
};

function camera(number: number, more: Partial<SysfsDevice> = {}): SysfsDevice {
  return {
    ...{ number, name: "front door", device: { major: 81, minor: number - 10 } },
    ...{ loopback: true, driver: undefined, writing: false },
    ...{ format: "", maxOpeners: 10, ...more },
  };
}

function rangeDevice(
  number: number,
  sysfs: SysfsDevice | undefined,
  observation: DeviceObservation = sysfs === undefined
    ? faultOf(`video${number}`, "missing", "It is missing.")
    : okObservation(`video${number}`),
): RangeDevice {
  return { id: `video${number}`, number, sysfs, observation };
}

const shifted = faultOf("video10", "wrong_number", "video10 became video0.");
const nodeless = faultOf("video10", "missing", "There is no /dev/video10.");

const loaded: LoadedFacts = {
  version: "0.15.4",
  parameters: { max_openers: "10" },
  control: { major: 10, minor: 124 },
  controlNode: { kind: "character_device", device: { major: 10, minor: 124 } },
  controlOpens: true,
};

/** A node that lacks nothing. */
const good: Facts = {
  config: configOf("--max-devices=2"),
  kernelRelease: "6.8.0-151-generic",
  arch: "x64",
  videoBuilt: true,
  file: {
    path: "/lib/modules/v4l2loopback.ko",
    info: { version: "0.15.4", builtFor: "6.8.0-151-generic", signed: true },
  },
  builtIn: false,
  loaded,
  probes,
  privileges: { uid: 0, capabilities: ["CAP_SYS_MODULE"], filtered: false },
  sysReadOnly: false,
  forbidden: undefined,
  initOnAlloc: true,
  placeholder: "",
  cameras: [],
  modprobe: { options: [], install: undefined },
  range: [rangeDevice(10, camera(10)), rangeDevice(11, camera(11))],
  others: [],
  kubelet: { directory: "/var/lib/kubelet", state: "present", writable: true, accepts: "" },
  podResources: "",
  podDevices: [],
  offers: new Map(),
};

function find(facts: Partial<Facts>, name: string): Check {
  const found = examine({ ...good, ...facts }).find(({ check }) => check === name);
  if (found === undefined) throw new Error(`no check ${name}`);
  return found;
}

describe("the doctor", () => {
  test("finds nothing wrong with a node that lacks nothing", () => {
    const checks = examine(good);
    expect(checks.map(({ state }) => state)).toEqual(checks.map(() => "ok"));
    expect(isFit(checks)).toBe(true);
  });

  test("names other plugins that offer the same devices, and pods that own one under another resource name", () => {
    const device = { namespace: "default", pod: "a", container: "c", deviceId: "video11" };
    const old = { ...device, resourceName: "example.com/old" };
    const own = { ...device, resourceName: good.config.resourceName };
    expect(find({ podDevices: [own] }, "other_plugins").state).toBe("ok");
    expect(find({ podDevices: [old] }, "other_plugins")).toMatchObject({
      state: "warning",
      detail: "the pod default/a owns video11 as example.com/old",
      remedy: expect.stringContaining("Nothing"),
    });
    const offers = new Map([
      ["example.com/more", ["video9", "video10", "video11"]],
      [good.config.resourceName, ["video10"]],
    ]);
    expect(find({ offers, podDevices: [old] }, "other_plugins")).toMatchObject({
      state: "warning",
      detail:
        "example.com/more offers video10, video11; the pod default/a owns video11 as example.com/old",
      remedy: expect.stringContaining("FIRST_DEVICE_NUMBER"),
    });
  });

  describe("of ready cameras", () => {
    const config = configOf("--ready-cameras", "--max-devices=2");
    const feeds = [camera(138, { name: "front door feed" }), camera(139, { name: "b feed" })];

    test("says what they are, and doesn't name their feeds as other cameras", () => {
      expect(find({ config, others: feeds }, "ready_cameras")).toMatchObject({
        state: "ok",
        detail: "1280x720 YU12, 30 a second",
      });
      expect(find({ config, others: feeds }, "other_cameras").detail).toBe("none");
      expect(examine(good).map(({ check }) => check)).not.toContain("ready_cameras");
    });

    test("names a device that has the number of a feed", () => {
      const others = [camera(139, { name: "USB", loopback: false, driver: "uvcvideo" })];
      expect(find({ config, others }, "ready_cameras")).toMatchObject({
        state: "problem",
        detail: 'feeds need numbers that are taken: video139 "USB", the feed\'s of video11',
      });
    });

    test("says why the placeholder can't be shown", () => {
      const placeholder = "/logo.png is no PNG file.";
      expect(find({ config, placeholder }, "ready_cameras")).toMatchObject({
        state: "problem",
        detail: "/logo.png is no PNG file",
        remedy: expect.stringContaining("READY_PLACEHOLDER"),
      });
    });

    test("counts two devices for each before 0.13", () => {
      const facts = { loaded: { ...loaded, version: undefined, control: undefined } };
      const five = configOf("--ready-cameras", "--max-devices=5");
      expect(find({ ...facts, config: five }, "control_node")).toMatchObject({
        state: "problem",
        detail: expect.stringContaining("at most 4 ready cameras, which are two devices each"),
        remedy: expect.stringContaining("Set MAX_DEVICES to 4 or less"),
      });
      const four = configOf("--ready-cameras", "--max-devices=4");
      expect(find({ ...facts, config: four }, "control_node").state).toBe("ok");
    });
  });

  const noFile = {
    error: new PluginError("module_file_not_found", "There is no file.", { remedy: "Install it." }),
  };
  const notLoaded = { loaded: undefined };
  const none = { range: [rangeDevice(10, undefined), rangeDevice(11, undefined)] };
  /** v4l2loopback 0.12, whose file has no version, and which has no control device. */
  const oldFile = { path: "x.ko", info: { version: undefined, builtFor: undefined, signed: true } };
  const old = { ...loaded, version: undefined, control: undefined, controlOpens: false };
  const unseen = { ...loaded, controlNode: { kind: "absent" } as const, controlOpens: false };
  const forbidden = { ...loaded, controlOpens: false };
  const crashing = { kernelRelease: "6.18.3" };
  const crashingFile = {
    path: "x.ko",
    info: { version: "0.15.1", builtFor: "6.18.3", signed: true },
  };
  const sixteen = { config: configOf("--max-devices=16") };
  const comma = { config: configOf("--max-devices=2", "--v4l2-card-label=a, b") };
  const quotes = { config: configOf("--max-devices=2", '--v4l2-card-label=the "front" door') };
  const xz = { path: "x.ko.xz", info: undefined, xz: "loadable" } as const;
  const user = { uid: 1000, capabilities: [], filtered: true };

  test.each([
    ["a kernel without video", { videoBuilt: false }, "kernel"],
    ["no module file", { ...notLoaded, file: noFile }, "module_file"],
    [
      "a module of another kernel",
      {
        ...notLoaded,
        file: { path: "x.ko", info: { version: "1", builtFor: "6.1.0", signed: false } },
      },
      "module_file",
    ],
    [
      "a module compressed with xz for a kernel that can't undo it",
      { ...notLoaded, file: { path: "x.ko.xz", info: undefined, xz: "not_loadable" } },
      "module_file",
    ],
    [
      "a module that the plugin refuses to load",
      { ...notLoaded, ...crashing, file: crashingFile },
      "module_file",
    ],
    [
      "a built-in module without devices that can add none",
      { ...none, builtIn: true, file: noFile, loaded: old },
      "devices",
    ],
    [
      "modules turned off",
      { ...notLoaded, probes: { ...probes, modulesDisabled: true } },
      "module_loading",
    ],
    ["a blacklist", { ...notLoaded, probes: { ...probes, blacklisted: true } }, "module_loading"],
    [
      "an unsigned module under lockdown",
      {
        ...notLoaded,
        probes: { ...probes, lockdown: "integrity" },
        file: { path: "x.ko", info: { version: "1", builtFor: undefined, signed: false } },
      },
      "module_loading",
    ],
    [
      "a veto of modprobe.d",
      {
        ...notLoaded,
        modprobe: { options: [], install: { command: "/bin/false", where: "x.conf:1" } },
      },
      "modprobe",
    ],
    ["a user who can't load the module", { ...notLoaded, privileges: user }, "privileges"],
    [
      "a user namespace",
      { ...notLoaded, probes: { ...probes, initialUserNamespace: false } },
      "privileges",
    ],
    ["device rules that forbid to open a device", { forbidden: "/dev/video10" }, "device_rules"],
    [
      "more devices than an old module can make",
      { config: { ...good.config, maxDevices: 9 }, loaded: { ...loaded, control: undefined } },
      "control_node",
    ],
    [
      "more devices than the old module that isn't loaded yet will make",
      { ...notLoaded, ...none, ...sixteen, file: oldFile },
      "control_node",
    ],
    [
      "a control node that isn't seen where devices are missing",
      { ...none, loaded: unseen },
      "control_node",
    ],
    [
      "a control node that may not be opened where devices are missing",
      { range: [rangeDevice(10, camera(10)), rangeDevice(11, undefined)], loaded: forbidden },
      "control_node",
    ],
    [
      "a label with a comma for an old module",
      { ...notLoaded, ...none, ...comma, file: oldFile },
      "card_label",
    ],
    [
      "a label with quotes for an old module that is loaded without devices",
      { ...none, ...quotes, loaded: old },
      "card_label",
    ],
    [
      "an old module that is loaded with other devices",
      { ...none, loaded: old, others: [camera(0), camera(1)] },
      "devices",
    ],
    [
      "another camera in the range",
      { range: [rangeDevice(10, camera(10, { loopback: false, driver: "uvcvideo" }))] },
      "devices",
    ],
    ["no kubelet", { kubelet: { ...good.kubelet, state: "absent" } }, "kubelet_directory"],
    [
      "a kubelet directory that is read-only",
      { kubelet: { ...good.kubelet, writable: false } },
      "kubelet_directory",
    ],
    [
      "a kubelet that doesn't listen",
      { kubelet: { ...good.kubelet, accepts: "no process listens on it" } },
      "kubelet_socket",
    ],
  ] satisfies [string, Partial<Facts>, string][])(
    "finds a problem with a remedy in %s",
    (_, facts, name) => {
      const check = find(facts, name);
      expect(check.state).toBe("problem");
      expect(check.remedy).toMatch(/\w/);
      expect(isFit(examine({ ...good, ...facts }))).toBe(false);
    },
  );

  test("says that what is in an .xz file shows once the kernel has loaded it", () => {
    const file = { path: "x.ko.xz", info: undefined, xz: "loadable" } as const;
    const { state, detail } = find({ ...notLoaded, file }, "module_file");
    expect(state).toBe("ok");
    expect(detail).toBe(
      "x.ko.xz, its version shows once it is loaded: only the kernel can undo xz",
    );
  });

  test.each([
    ["a module that is loaded yet has no file", { file: noFile }, "module_file"],
    [
      "a module that is loaded yet could not be loaded again",
      { file: { path: "x.ko.xz", info: undefined, xz: "not_loadable" } },
      "module_file",
    ],
    ["a module that isn't loaded yet", notLoaded, "module"],
    [
      "a module that is loaded although it can crash this kernel",
      { ...crashing, loaded: { ...loaded, version: "0.15.1" } },
      "module",
    ],
    [
      "a module that is loaded on request although it can crash this kernel",
      {
        ...notLoaded,
        ...{ ...crashing, file: crashingFile },
        config: configOf("--max-devices=2", "--v4l2-load-unsafe"),
      },
      "module_file",
    ],
    [
      "a module of 0.12 that may freeze this kernel",
      {
        ...{ ...notLoaded, ...crashing },
        file: { path: "x.ko", info: { version: undefined, builtFor: "6.18.3", signed: true } },
      },
      "module_file",
    ],
    ["a user, with the module loaded", { privileges: user }, "privileges"],
    ["devices that aren't there yet", { range: [rangeDevice(10, undefined)] }, "devices"],
    ["a device without its node", { range: [rangeDevice(10, camera(10), nodeless)] }, "devices"],
    ["memory that isn't cleared", { initOnAlloc: false }, "init_on_alloc"],
    ["memory of which nothing is known", { initOnAlloc: undefined }, "init_on_alloc"],
    [
      "devices above video63",
      { range: [rangeDevice(63, camera(63)), rangeDevice(64, camera(64))] },
      "container_paths",
    ],
    [
      "paths that some pods have otherwise",
      { config: configOf("--max-devices=2", "--container-device-path=/dev/video{index}") },
      "container_paths",
    ],
    [
      "such paths where the plugin only inspects",
      {
        config: configOf("--no-manage-devices", "--container-device-path=/dev/video{index}"),
      },
      "container_paths",
    ],
    ["no pod-resources", { podResources: "there is no such socket" }, "pod_resources"],
    [
      "pod-resources with a remedy of its own",
      { podResources: "the answer is too large", podResourcesRemedy: "Make it smaller." },
      "pod_resources",
    ],
    ["a control node that isn't seen here", { loaded: unseen }, "control_node"],
    ["a control node that may not be opened", { loaded: forbidden }, "control_node"],
    [
      "more devices than a module can make that may be an old one",
      { ...notLoaded, ...none, ...sixteen, file: xz },
      "control_node",
    ],
    [
      "a label with a comma for a module that may be an old one",
      { ...notLoaded, ...none, ...comma, file: xz },
      "card_label",
    ],
    ["a label with a comma, with an old module loaded", { ...comma, loaded: old }, "card_label"],
    ["a /sys that is read-only", { sysReadOnly: true }, "sysfs"],
    ["an old module that is loaded without devices", { ...none, loaded: old }, "devices"],
    [
      "an old module that gave devices other numbers",
      {
        range: [rangeDevice(10, undefined, shifted), rangeDevice(11, camera(11))],
        loaded: old,
        others: [camera(0)],
      },
      "devices",
    ],
    [
      "an old module that gave all devices other numbers",
      { range: [rangeDevice(10, undefined, shifted)], loaded: old, others: [camera(0)] },
      "devices",
    ],
  ] satisfies [string, Partial<Facts>, string][])(
    "warns of %s, and calls the node fit",
    (_, facts, name) => {
      const check = find(facts, name);
      expect(check.state).toBe("warning");
      expect(check.remedy).toMatch(/\w/);
      expect(isFit(examine({ ...good, ...facts }))).toBe(true);
    },
  );

  test("doesn't mind a comma, nor many devices, where there is a control device", () => {
    const many = configOf("--max-devices=16", "--v4l2-card-label=a, b");
    const checks = examine({ ...good, config: many, ...notLoaded, ...none });
    expect(checks.map(({ check }) => check)).not.toContain("card_label");
    expect(checks.map(({ check }) => check)).not.toContain("control_node");
    expect(isFit(checks)).toBe(true);
  });

  test("doesn't promise devices that an old module will not create", () => {
    const { detail, remedy } = find({ ...none, loaded: old, others: [camera(0)] }, "devices");
    expect(detail).toBe(
      "video10 to video11: none is there, and the module, which has video0, creates no more until it is reloaded",
    );
    expect(remedy).toBe(
      "If its devices are free: rmmod v4l2loopback, then start the plugin. Or offer those it has: FIRST_DEVICE_NUMBER=0",
    );
  });

  test("says that the plugin fixes a faulty device", () => {
    const locked = faultOf("video10", "faulty", "video10 is locked.");
    const range = [rangeDevice(10, camera(10), locked), rangeDevice(11, camera(11))];
    expect(find({ range }, "devices")).toMatchObject({
      state: "warning",
      detail: "video10 to video11: 2 of 2 there; video10 is locked",
      remedy: "Nothing: the plugin fixes that when the device is free.",
    });
  });

  test("doesn't ask for the file of a module that is built in", () => {
    expect(find({ builtIn: true, file: noFile }, "module_file")).toMatchObject({
      ...{ state: "ok", detail: "none: the module is built into the kernel" },
    });
  });

  test("names the cameras it doesn't touch", () => {
    const others = [camera(0, { loopback: false, driver: "uvcvideo" }), camera(40)];
    expect(find({ others }, "other_cameras")).toMatchObject({
      state: "ok",
      detail: 'video0 "front door" (uvcvideo), video40 "front door" (v4l2loopback): not touched',
    });
  });

  test("names a device with hardware behind it once, with all of its nodes", () => {
    const others = [0, 1].map((number) => camera(number, { loopback: false, driver: "uvcvideo" }));
    const node = (number: number): CameraNode => ({
      ...{ number, name: "Webcam C270", index: number, driver: "uvcvideo", device: undefined },
      ...{
        parent: undefined,
        path: `/dev/video${number}`,
        card: "",
        kind: "camera",
        isGuess: true,
      },
      ...{ busInfo: undefined, state: "unasked", errno: undefined },
    });
    const parent = { path: "/sys/devices/usb1/1-1", bus: "usb", usb: undefined };
    const cameras = [{ id: "usb-046d-0825-4A1B", parent, nodes: [node(0), node(1)] }];
    expect(find({ others: [...others, camera(40)], cameras }, "other_cameras").detail).toBe(
      'video0 and video1 "Webcam C270" (uvcvideo, usb-046d-0825-4A1B), video40 "front door" (v4l2loopback): not touched',
    );
  });

  describe("of a read-only plugin", () => {
    const watched: Facts = {
      ...good,
      config: configOf("--max-devices=2", "--no-manage-devices"),
      file: noFile,
      privileges: { uid: 0, capabilities: [], filtered: true },
    };
    const stateOf = (facts: Facts, name: string) =>
      examine(facts).find(({ check }) => check === name)?.state;

    test("wants no module file and no privileges, and says that devices are not reset", () => {
      expect(isFit(examine(watched))).toBe(true);
      expect(stateOf(watched, "manage_devices")).toBe("warning");
      expect(stateOf(watched, "module_file")).toBeUndefined();
      expect(stateOf(watched, "privileges")).toBeUndefined();
    });

    test("wants the devices, of which one is enough", () => {
      const one = { ...watched, range: [rangeDevice(10, camera(10)), rangeDevice(11, undefined)] };
      expect([isFit(examine(one)), stateOf(one, "devices")]).toEqual([true, "warning"]);
      const none = { ...watched, range: [rangeDevice(10, undefined)] };
      expect([isFit(examine(none)), stateOf(none, "devices")]).toEqual([false, "problem"]);
      const unloaded = { ...watched, loaded: undefined };
      expect(stateOf(unloaded, "module")).toBe("problem");
    });
  });

  test("asks nothing of the kernel for simulated devices", () => {
    const facts = {
      ...good,
      config: configOf("--driver=simulated"),
      videoBuilt: false,
      file: noFile,
    };
    expect(examine(facts).map(({ check }) => check)).toEqual([
      "kernel",
      "driver",
      "kubelet_directory",
      "kubelet_socket",
      "pod_resources",
      "other_plugins",
    ]);
    expect(isFit(examine(facts))).toBe(true);
  });
});

describe("the doctor of a user who isn't root", () => {
  const user = { uid: 1000, capabilities: [], filtered: false };
  const refused = { ...good.kubelet, writable: false, accepts: noAccess };

  test.each([
    ["kubelet_directory", { kubelet: { ...good.kubelet, state: "forbidden" } }],
    ["kubelet_directory", { kubelet: refused }],
    ["kubelet_socket", { kubelet: refused }],
    ["pod_resources", { podResources: noAccess }],
  ] satisfies [string, Partial<Facts>][])("says to run it as root for %s", (name, facts) => {
    const { remedy, detail } = find({ ...facts, privileges: user }, name);
    expect(remedy).toBe("Run this as root: sudo video-device-plugin doctor");
    expect(detail).not.toContain("there is no");
  });
});

test("a kernel without video support gets one remedy, which isn't a module", () => {
  const remedyOn = (kernelRelease: string) =>
    find({ videoBuilt: false, kernelRelease }, "kernel").remedy ?? "";
  expect(remedyOn("6.8.0-151-generic")).toMatch(
    /^Boot the host with a kernel [^.]+CONFIG_VIDEO_DEV[^.]+\.$/,
  );
  expect(remedyOn("6.12.57+deb13-cloud-amd64")).toMatch(/^Debian's cloud kernels [^.]+ boot it\.$/);
});

describe("what the doctor prints", () => {
  const checks: Check[] = [
    { check: "a", title: "short", state: "ok", detail: "fine" },
    { check: "b", title: "longer", state: "problem", detail: "broken", remedy: "Fix it." },
  ];

  const view = { colour: false, columns: 80 };

  test("is wrapped beside the titles, so that no line is longer than the screen", () => {
    const long = {
      check: "c",
      title: "long",
      state: "warning",
      detail: "a b ".repeat(20).trim(),
    } as const;
    const lines = renderChecks([{ ...long, remedy: long.detail }], { ...view, columns: 40 }).split(
      "\n",
    );
    expect(lines.slice(0, 7)).toEqual([
      "! long  a b a b a b a b a b a b a b a b",
      "        a b a b a b a b a b a b a b a b",
      "        a b a b a b a b",
      "        → a b a b a b a b a b a b a b a",
      "          b a b a b a b a b a b a b a b",
      "          a b a b a b a b a b",
      "",
    ]);
  });

  test("has a line a check, a remedy below it, and a summary", () => {
    expect(renderChecks(checks, view)).toBe(
      "✓ short   fine\n✗ longer  broken\n          → Fix it.\n\nThe plugin can't work here: 1 problem.\n",
    );
  });

  test("is coloured on a terminal only", () => {
    expect(renderChecks(checks, { ...view, colour: true })).toContain("\x1b[31m✗\x1b[39m");
    expect(renderChecks(checks.slice(0, 1), view)).toEndWith("\nThe plugin can work here.\n");
  });
});
