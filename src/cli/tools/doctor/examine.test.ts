import { describe, expect, test } from "bun:test";
import { PluginError } from "../../../common/plugin-error.ts";
import { loadConfig } from "../../../config/load-config.ts";
import type { LoadProbes } from "../../../v4l2/loopback/load-probes.ts";
import type { SysfsDevice } from "../../../v4l2/loopback/sysfs.ts";
import type { Check } from "./check.ts";
import { examine, isFit } from "./examine.ts";
import type { Facts, LoadedFacts, RangeDevice } from "./facts.ts";
import { renderChecks } from "./render.ts";

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
    ...{ loopback: true, driver: undefined, writing: false, ...more },
  };
}

function rangeDevice(number: number, sysfs: SysfsDevice | undefined): RangeDevice {
  const device = sysfs?.device;
  return {
    id: `video${number}`,
    sysfs,
    node: device === undefined ? { kind: "absent" } : { kind: "character_device", device },
  };
}

const loaded: LoadedFacts = {
  version: "0.15.4",
  parameters: { max_openers: "10" },
  control: { major: 10, minor: 124 },
  controlNode: { kind: "character_device", device: { major: 10, minor: 124 } },
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
  loaded,
  probes,
  privileges: { uid: 0, capabilities: ["CAP_SYS_MODULE"], filtered: false },
  initOnAlloc: true,
  modprobe: { options: [], install: undefined },
  range: [rangeDevice(10, camera(10)), rangeDevice(11, camera(11))],
  others: [],
  kubelet: { directory: "/var/lib/kubelet", exists: true, writable: true, accepts: "" },
  podResources: "",
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

  const noFile = {
    error: new PluginError("module_file_not_found", "There is no file.", { remedy: "Install it." }),
  };
  const notLoaded = { loaded: undefined };
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
      { ...notLoaded, file: { path: "x.ko.xz", info: undefined, xz: "nobody_loads" } },
      "module_file",
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
    [
      "more devices than an old module can make",
      { config: { ...good.config, maxDevices: 9 }, loaded: { ...loaded, control: undefined } },
      "control_node",
    ],
    [
      "another camera in the range",
      { range: [rangeDevice(10, camera(10, { loopback: false, driver: "uvcvideo" }))] },
      "devices",
    ],
    ["no kubelet", { kubelet: { ...good.kubelet, exists: false } }, "kubelet_directory"],
    [
      "a kubelet directory that is read-only",
      { kubelet: { ...good.kubelet, writable: false } },
      "kubelet_directory",
    ],
    [
      "a kubelet that doesn't listen",
      { kubelet: { ...good.kubelet, accepts: "nobody listens on it" } },
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
    const file = { path: "x.ko.xz", info: undefined, xz: "kernel_loads" } as const;
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
      { file: { path: "x.ko.xz", info: undefined, xz: "nobody_loads" } },
      "module_file",
    ],
    ["a module that isn't loaded yet", notLoaded, "module"],
    ["a user, with the module loaded", { privileges: user }, "privileges"],
    ["devices that aren't there yet", { range: [rangeDevice(10, undefined)] }, "devices"],
    [
      "a device without its node",
      { range: [{ ...rangeDevice(10, camera(10)), node: { kind: "absent" } as const }] },
      "devices",
    ],
    ["memory that isn't cleared", { initOnAlloc: false }, "init_on_alloc"],
    ["memory of which nothing is known", { initOnAlloc: undefined }, "init_on_alloc"],
    ["no pod-resources", { podResources: "there is no such socket" }, "pod_resources"],
    [
      "a control node that isn't seen here",
      { loaded: { ...loaded, controlNode: { kind: "absent" } as const } },
      "control_node",
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

  test("names the cameras it leaves alone", () => {
    const others = [camera(0, { loopback: false, driver: "uvcvideo" }), camera(40)];
    expect(find({ others }, "other_cameras")).toMatchObject({
      state: "ok",
      detail: 'video0 "front door" (uvcvideo), video40 "front door" (v4l2loopback): left alone',
    });
  });

  describe("of a plugin that only looks at devices", () => {
    const watched: Facts = {
      ...good,
      config: configOf("--max-devices=2", "--no-manage-devices"),
      file: noFile,
      privileges: { uid: 0, capabilities: [], filtered: true },
    };
    const stateOf = (facts: Facts, name: string) =>
      examine(facts).find(({ check }) => check === name)?.state;

    test("wants no module file and no privileges, and says that nobody cleans", () => {
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
    ]);
    expect(isFit(examine(facts))).toBe(true);
  });
});

describe("what the doctor prints", () => {
  const checks: Check[] = [
    { check: "a", title: "short", state: "ok", detail: "fine" },
    { check: "b", title: "longer", state: "problem", detail: "broken", remedy: "Mend it." },
  ];

  test("has a line a check, a remedy below it, and a verdict", () => {
    expect(renderChecks(checks, false)).toBe(
      "✓ short   fine\n✗ longer  broken\n          → Mend it.\n\nThe plugin can't do its job here: 1 problem.\n",
    );
  });

  test("is coloured on a terminal only", () => {
    expect(renderChecks(checks, true)).toContain("\x1b[31m✗\x1b[0m");
    expect(renderChecks(checks.slice(0, 1), false)).toEndWith(
      "\nThe plugin can do its job here.\n",
    );
  });
});
