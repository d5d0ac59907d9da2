import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Code } from "@connectrpc/connect";
import { PluginError } from "../../src/common/plugin-error.ts";
import { aWhile, CameraNode, heardOfPods, unhurriedRestart } from "./camera-node.ts";
import { eventually, quickMaintenance } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

const { graceMs, pollMs, reallocateMs } = quickMaintenance;

describe("a device after its pod", () => {
  test("is reset soon after its grace time, not before, and without a change of the device list", async () => {
    const driver = scenario.cameras();
    await scenario.started(driver);
    await scenario.pod("a");
    driver.write("video10", "frame of a");
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    const lists = scenario.count("list_received");
    scenario.kubelet.removePod("a");
    const ended = performance.now();
    await eventually(() => driver.resets.length > 0, "the reset");
    expect(performance.now() - ended).toBeGreaterThanOrEqual(graceMs - pollMs);
    expect(driver.read("video10")).toBe("");
    expect(driver.resets).toEqual(["video10"]);
    expect(scenario.count("list_received")).toBe(lists);
  });

  test("is not reset while a process holds it open, and is reset afterwards", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver);
    await scenario.pod("a");
    await heardOfPods(plugin);
    driver.open?.add("video10");
    scenario.kubelet.removePod("a");
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    driver.open?.delete("video10");
    await eventually(() => driver.resets.length === 1, "the reset");
  });

  test("is reset in Allocate if the next pod comes sooner", async () => {
    const driver = scenario.cameras(1);
    await scenario.started(driver);
    await scenario.pod("a");
    driver.write("video10", "frame of a");
    await Bun.sleep(reallocateMs + 10);
    scenario.kubelet.removePod("a");
    const next = await scenario.pod("b");
    expect(next.phase).toBe("Running");
    expect(driver.resets).toEqual(["video10"]);
    expect(driver.read("video10")).toBe("");
  });

  test("is clean for each of many consecutive pods", async () => {
    const driver = scenario.cameras(1);
    await scenario.started(driver);
    for (let n = 0; n < 10; n++) {
      expect((await scenario.pod(`pod-${n}`)).phase).toBe("Running");
      expect(driver.read("video10")).toBe("");
      driver.write("video10", `frame of pod-${n}`);
      await Bun.sleep(reallocateMs + (n % 3) * 20);
      scenario.kubelet.removePod(`pod-${n}`);
    }
    expect(driver.resets.length).toBeGreaterThanOrEqual(9);
  });

  test("is not reset between an init container and the app container that gets it next", async () => {
    const driver = scenario.cameras(8, true);
    // On a busy machine the two calls may come seconds apart.
    await scenario.started(driver, {}, { ...quickMaintenance, reallocateMs: 10_000 });
    await scenario.kubelet.addPod({
      name: "a",
      containers: [
        { name: "prepare", devices: 1, init: true },
        { name: "app", devices: 1 },
      ],
    });
    expect(scenario.count("allocated")).toBe(2);
    expect(driver.resets.filter((id) => id === "video10")).toEqual(["video10"]);
  });
});

describe("a device that only an init container requested", () => {
  test("is not reset while that runs, although the kubelet never lists it, but before the next pod", async () => {
    const driver = scenario.cameras(1);
    await scenario.started(driver);
    await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "prepare", devices: 1, init: true }, { name: "app" }],
    });
    driver.write("video10", "frame of a");
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    scenario.kubelet.removePod("a");
    await scenario.pod("b");
    expect(driver.resets).toEqual(["video10"]);
  });
});

describe("a restarted plugin", () => {
  test("resets free devices, and no device of a pod", async () => {
    const before = scenario.cameras();
    const first = await scenario.started(before);
    await scenario.pod("a");
    await first.stop();
    before.write("video10", "frame of a");
    before.write("video15", "of long ago");
    const driver = scenario.cameras(8, true);
    await scenario.started(driver);
    await eventually(() => driver.resets.length === 7, "seven resets");
    await Bun.sleep(aWhile);
    expect(driver.resets).not.toContain("video10");
    expect(new Set(driver.resets).size).toBe(7);
    expect(driver.read("video10")).toBe("frame of a");
    expect(driver.read("video15")).toBe("");
  });

  test("resets devices only in Allocate if pod-resources doesn't answer", async () => {
    scenario = await withoutPodResources(scenario);
    const driver = scenario.cameras(8, true);
    await scenario.started(driver);
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    await scenario.pod("a");
    expect(driver.resets).toEqual(["video10"]);
  });
});

describe("Allocate of a device that isn't known to be clean", () => {
  test("is refused while its reset fails, and the device is unhealthy until a reset succeeds", async () => {
    const driver = scenario.cameras(1, true);
    // Time for the calls below, before the plugin itself resets free devices.
    const { log } = await scenario.started(driver, {}, { ...quickMaintenance, graceMs: 5000 });
    const works = driver.onReset;
    driver.onReset = async () => {
      throw new PluginError("reset_failed", "it is stuck");
    };
    for (let n = 0; n < 3; n++) {
      if (scenario.kubelet.resources().allocatable === 1) await scenario.allocate("video10");
    }
    await scenario.counts(1, 0);
    expect(await scenario.allocate("video10")).toBe(Code.FailedPrecondition);
    const held = log.lines.find(({ fields }) => fields["error_code"] === "reset_failed");
    expect(held?.fields["error"]).toBe("it is stuck");
    const before = performance.now();
    await Bun.sleep(600);
    // 50 ms, doubled after each failure, at least half of it: five tries at most in that time, and then two a second.
    const moreMs = performance.now() - before - 600;
    expect(driver.resets.length).toBeLessThanOrEqual(3 + 5 + Math.ceil(moreMs / 500));
    expect(scenario.count("list_received")).toBe(2);
    driver.onReset = works;
    await scenario.counts(1, 1);
    expect(await scenario.allocate("video10")).toBeUndefined();
  });

  test("is refused at the cap when the reset hangs, and other devices are allocated meanwhile", async () => {
    const driver = scenario.cameras(2);
    await scenario.started(driver, {}, { ...quickMaintenance, allocateMs: 600 });
    await scenario.pod("a");
    await Bun.sleep(reallocateMs + 10);
    scenario.kubelet.removePod("a");
    const hang = Promise.withResolvers<void>();
    driver.onReset = () => hang.promise;
    const refused = scenario.allocate("video10");
    expect(await scenario.allocate("video11")).toBeUndefined();
    expect(await refused).toBe(Code.Unavailable);
    hang.resolve();
    await eventually(() => driver.resets.length === 1, "the reset");
    expect(await scenario.allocate("video10")).toBeUndefined();
  });

  test("is refused while a process outside of any pod holds it open", async () => {
    const driver = scenario.cameras(8, true);
    // Before the plugin itself resets free devices.
    driver.open?.add("video12");
    await scenario.started(driver, {}, { ...quickMaintenance, graceMs: 5000 });
    expect(await scenario.allocate("video12")).toBe(Code.FailedPrecondition);
    driver.open?.delete("video12");
    await scenario.counts(8, 8);
    expect(await scenario.allocate("video12")).toBeUndefined();
  });

  test("leads the next pod to another device if it is refused", async () => {
    const driver = scenario.cameras(8, true);
    // Before the plugin itself resets free devices.
    driver.open?.add("video10");
    await scenario.started(driver, {}, { ...quickMaintenance, graceMs: 5000 });
    expect((await scenario.pod("a")).phase).toBe("Failed");
    expect((await scenario.pod("b")).phase).toBe("Running");
    expect(scenario.kubelet.allocations()).toEqual({ b: ["video11"] });
  });

  test("answers from memory on a node where devices can't be reset, which is logged once", async () => {
    const driver = scenario.cameras(8, true, "unavailable");
    const { log } = await scenario.started(driver);
    expect(await scenario.allocate("video10")).toBeUndefined();
    await Bun.sleep(aWhile);
    expect(driver.resets).toEqual([]);
    const logged = log.lines.filter(({ msg }) => msg.startsWith("Devices can't be reset"));
    expect(logged.map(({ level }) => level)).toEqual(["warn"]);
  });
});

describe("a kubelet that restarts", () => {
  test("leaves running pods their devices", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver, {}, unhurriedRestart);
    await scenario.pod("a");
    driver.write("video10", "frame of a");
    await heardOfPods(plugin);
    scenario.kubelet.stop();
    await Bun.sleep(2 * pollMs);
    await scenario.kubelet.start({ podsAfter: () => Bun.sleep(graceMs + pollMs) });
    await scenario.counts(8, 8);
    await Bun.sleep(unhurriedRestart.restartGraceMs + aWhile);
    expect(driver.resets).toEqual([]);
    scenario.kubelet.removePod("a");
    await eventually(() => driver.resets.length === 1, "the reset");
  });

  test("after a pod's end only delays the reset", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver);
    await scenario.pod("a");
    await heardOfPods(plugin);
    scenario.kubelet.removePod("a");
    await scenario.kubelet.restart();
    await eventually(() => driver.resets.length === 1, "the reset");
    expect(driver.resets).toEqual(["video10"]);
  });
});

/** A node without a pod-resources socket. */
async function withoutPodResources(old: CameraNode): Promise<CameraNode> {
  await old.close();
  const fresh = new CameraNode();
  const config = fresh.config.bind(fresh);
  fresh.config = (options) =>
    config({ "pod-resources-socket": "/nowhere/kubelet.sock", ...options });
  rmSync(old.directory, { recursive: true, force: true });
  return fresh;
}
