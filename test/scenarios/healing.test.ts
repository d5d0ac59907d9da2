import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { aWhile, CameraNode } from "./camera-node.ts";
import { eventually, quickCareTimes } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

const { pollMs } = quickCareTimes;

describe("healing", () => {
  test("repairs dead capabilities of a device when its pod has gone", async () => {
    const driver = scenario.cameras();
    await scenario.started(driver);
    await scenario.pod("a");
    await Bun.sleep(2 * pollMs);
    driver.set("video10", "dead_caps");
    driver.nudge();
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

  test("resets what a writer left marked, when nobody has it", async () => {
    const driver = scenario.cameras();
    await scenario.started(driver);
    await Bun.sleep(aWhile);
    const works = driver.onReset;
    driver.onReset = async (id) => {
      await works(id);
      driver.set(id, "ok");
    };
    driver.set("video13", "stuck_writer");
    driver.nudge();
    await eventually(() => driver.resets.includes("video13"), "the reset");
    await scenario.counts(8, 8);
  });

  test("moves a device that is at another's number only when nobody has it", async () => {
    const driver = scenario.cameras();
    await scenario.started(driver);
    await scenario.pod("a");
    await Bun.sleep(2 * pollMs);
    driver.calls.length = 0;
    driver.set("video10", "wrong_number");
    driver.nudge();
    await Bun.sleep(aWhile);
    expect(driver.calls).not.toContain("ensure");
    scenario.kubelet.removePod("a");
    await Bun.sleep(aWhile);
    driver.nudge();
    await eventually(() => driver.calls.includes("ensure"), "the move");
  });
});
