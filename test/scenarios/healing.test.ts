import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { aWhile, CameraNode, heardOfPods, unhurriedRestart } from "./camera-node.ts";
import { eventually, quickMaintenance } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

const { graceMs, pollMs } = quickMaintenance;

describe("healing", () => {
  test("repairs a device's dead capabilities after its pod has ended", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver);
    await scenario.pod("a");
    await heardOfPods(plugin);
    driver.set("video10", "dead_caps");
    driver.notify();
    await scenario.counts(8, 7);
    await Bun.sleep(aWhile);
    expect(driver.calls).not.toContain("repair video10");
    scenario.kubelet.removePod("a");
    await scenario.counts(8, 8);
    await eventually(() => driver.resets.length === 1, "the reset after it");
    expect(driver.calls.filter((call) => /^re(pair|set)/.test(call))).toEqual([
      "repair video10",
      "reset video10",
    ]);
  });

  test("resets a device with a stuck writer once it is free", async () => {
    const driver = scenario.cameras();
    await scenario.started(driver);
    await Bun.sleep(aWhile);
    const works = driver.onReset;
    driver.onReset = async (id) => {
      await works(id);
      driver.set(id, "ok");
    };
    driver.set("video13", "stuck_writer");
    driver.notify();
    await eventually(() => driver.resets.includes("video13"), "the reset");
    await scenario.counts(8, 8);
  });

  test("ignores the stuck writer of a pod that closes and opens its camera", async () => {
    const driver = scenario.cameras();
    const running = await scenario.started(driver);
    await scenario.pod("a");
    await heardOfPods(running);
    const lists = scenario.count("list_received");
    for (let n = 0; n < 3; n++) {
      driver.set("video10", "stuck_writer");
      await Bun.sleep(pollMs);
      driver.notify();
      await Bun.sleep(pollMs);
      driver.set("video10", "ok");
      driver.notify();
      await Bun.sleep(pollMs);
    }
    driver.set("video10", "stuck_writer");
    driver.notify();
    expect(scenario.count("list_received")).toBe(lists);
    expect(driver.resets).toEqual([]);
    const works = driver.onReset;
    driver.onReset = async (id) => {
      await works(id);
      driver.set(id, "ok");
    };
    // The inspection after the reset of the one device sees the other as its pod left it.
    await scenario.pod("b");
    driver.set("video11", "stuck_writer");
    await heardOfPods(running, 2);
    scenario.kubelet.removePod("a");
    scenario.kubelet.removePod("b");
    await eventually(() => driver.resets.length === 2, "the resets after the pods");
    expect(running.plugin.inventory.get("video10")?.health).toBe("Healthy");
    expect(scenario.count("list_received")).toBe(lists);
  });

  test("reports a stuck writer that no reset removes, once the device is free", async () => {
    const driver = scenario.cameras(1, false, "unavailable");
    const plugin = await scenario.started(driver);
    await scenario.pod("a");
    await heardOfPods(plugin);
    driver.set("video10", "stuck_writer");
    driver.notify();
    await Bun.sleep(aWhile);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 1, allocatable: 1 });
    scenario.kubelet.removePod("a");
    await eventually(() => {
      driver.notify();
      return scenario.kubelet.resources().allocatable === 0;
    }, "the mark");
  });

  test("ignores the stuck writer of a pod while its kubelet restarts", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver, {}, unhurriedRestart);
    await scenario.pod("a");
    await heardOfPods(plugin);
    driver.set("video10", "stuck_writer");
    scenario.kubelet.stop();
    await Bun.sleep(pollMs);
    await scenario.kubelet.start({ podsAfter: () => Bun.sleep(graceMs + pollMs) });
    await scenario.counts(8, 8);
    driver.notify();
    await Bun.sleep(graceMs + pollMs);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });

  test("moves a device with a wrong number only when it is free", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver);
    await scenario.pod("a");
    await heardOfPods(plugin);
    driver.calls.length = 0;
    driver.set("video10", "wrong_number");
    driver.notify();
    await Bun.sleep(aWhile);
    expect(driver.calls).not.toContain("ensure");
    scenario.kubelet.removePod("a");
    await eventually(() => {
      driver.notify();
      return driver.calls.includes("ensure");
    }, "the move");
  });
});
