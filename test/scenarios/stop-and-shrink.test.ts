import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { numbersHeldBefore } from "../../src/plugin/held-before.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import type { CameraFiles } from "./camera-files.ts";
import { aWhile, CameraNode } from "./camera-node.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

describe("fewer devices than before", () => {
  test("keep listed what a pod still has, and give it to nobody after that pod", async () => {
    const first = await scenario.started(scenario.cameras());
    for (const name of ["a", "b", "c", "d", "e"]) await scenario.pod(name);
    for (const name of ["a", "b", "c", "d"]) scenario.kubelet.removePod(name);
    const options = { "max-devices": "4" };
    const log = recordingLogger();
    const { signal } = new AbortController();
    expect(await numbersHeldBefore(scenario.config(options), { log }, signal)).toEqual([14]);
    await first.stop();

    const driver = scenario.cameras(5, true);
    const { plugin } = scenario.startPlugin(options, { driver });
    await scenario.counts(5, 5);
    await Bun.sleep(aWhile);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 5, allocatable: 5 });
    scenario.kubelet.removePod("e");
    await scenario.counts(5, 4);
    expect(plugin.pool.get("video14")).toMatchObject({ health: "Unhealthy", reason: "retired" });
    await Bun.sleep(aWhile);
    expect(driver.resets).not.toContain("video14");
    expect(scenario.kubelet.resources()).toEqual({ capacity: 5, allocatable: 4 });
  });
});

describe("a stop", () => {
  const removing = { "remove-devices-on-exit": "true" };
  const removed = (driver: CameraFiles) =>
    driver.calls.filter((call) => call.startsWith("remove ")).map((call) => call.slice(7));

  test("touches no device by default", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver);
    driver.calls.length = 0;
    await plugin.stop();
    expect(driver.calls.filter((call) => !/^(inspect|ensure)/.test(call))).toEqual([]);
  });

  test("removes what this process made and nobody uses, where it is told to", async () => {
    const driver = scenario.cameras();
    const plugin = scenario.startPlugin(removing, { driver });
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    await scenario.pod("a");
    driver.open?.add("video13");
    await plugin.stop();
    expect(removed(driver)).toEqual([
      "video11",
      "video12",
      "video14",
      "video15",
      "video16",
      "video17",
    ]);
  });

  test("removes nothing that was there before, and nothing on a guess", async () => {
    const adopted = scenario.cameras(8, true);
    const first = scenario.startPlugin(removing, { driver: adopted });
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    await first.stop();
    expect(removed(adopted)).toEqual([]);
    const made = scenario.cameras();
    const second = scenario.startPlugin(removing, { driver: made });
    await scenario.counts(8, 8);
    scenario.kubelet.stop();
    await second.stop();
    expect(removed(made)).toEqual([]);
  });
});
