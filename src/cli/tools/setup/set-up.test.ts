import { describe, expect, test } from "bun:test";
import { FakeDriver } from "../../../../test/support/fake-driver.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { renderSetUp, setUp } from "./set-up.ts";

/** video10 is there, video11 is made, video12 can't be. */
function partly(): FakeDriver {
  const driver = new FakeDriver(3);
  driver.set("video10", "ok");
  driver.set("video12", "wrong_driver", "video12 is a USB camera.");
  driver.onEnsure = () => {
    driver.set("video11", "ok");
    const error = new PluginError("device_number_taken", "video12 belongs to a camera.", {
      remedy: "Set NUMBER_TAKEN=elsewhere.",
    });
    return { created: ["video11"], adopted: ["video10"], failed: [{ id: "video12", error }] };
  };
  return driver;
}

describe("a set-up", () => {
  test("is right if every device is there afterwards", async () => {
    const report = await setUp(new FakeDriver(2), { allowPartial: false });
    expect(report.ok).toBe(true);
    expect(report.devices.map(({ id, outcome }) => [id, outcome])).toEqual([
      ["video10", "created"],
      ["video11", "created"],
    ]);
  });

  test("tells of each device what became of it, and of a failed one why", async () => {
    const { ok, devices } = await setUp(partly(), { allowPartial: false });
    expect(ok).toBe(false);
    expect(devices.map(({ outcome }) => outcome)).toEqual(["adopted", "created", "failed"]);
    expect(devices[2]).toMatchObject({
      state: "wrong_driver",
      detail: "video12 belongs to a camera.",
      remedy: "Set NUMBER_TAKEN=elsewhere.",
    });
  });

  test("with allowPartial needs one device, not none", async () => {
    expect((await setUp(partly(), { allowPartial: true })).ok).toBe(true);
    const none = new FakeDriver(2);
    none.onEnsure = () => ({ created: [], adopted: [], failed: [] });
    expect((await setUp(none, { allowPartial: true })).ok).toBe(false);
  });

  test("believes what it sees, not what the driver says it did", async () => {
    const driver = new FakeDriver(1);
    driver.onEnsure = () => ({ created: ["video10"], adopted: [], failed: [] });
    const { ok, devices } = await setUp(driver, { allowPartial: false });
    expect([ok, devices[0]?.outcome, devices[0]?.detail]).toEqual([
      false,
      "failed",
      "video10 is missing",
    ]);
  });
});

test("the table has a line a device, the remedy below, and the sum", async () => {
  expect(renderSetUp(await setUp(partly(), { allowPartial: false }))).toBe(
    `✓ video10   adopted  /dev/video10
✓ video11   created  /dev/video11
✗ video12   failed   video12 belongs to a camera.
  → Set NUMBER_TAKEN=elsewhere.
2 of 3 devices are ready.
`,
  );
});
