import { describe, expect, test } from "bun:test";
import { FakeDriver } from "../../../test/support/fake-driver.ts";
import { steppingClock } from "../../../test/support/stepping-clock.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { renderSetUp, setUp as setUpOn } from "./set-up.ts";

function setUp(driver: FakeDriver, { allowPartial = false, clock = steppingClock() } = {}) {
  return setUpOn(driver, { allowPartial, clock });
}

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
    const report = await setUp(new FakeDriver(2));
    expect(report.ok).toBe(true);
    expect(report.devices.map(({ id, outcome }) => [id, outcome])).toEqual([
      ["video10", "created"],
      ["video11", "created"],
    ]);
  });

  test("reports the outcome of each device, and the reason of a failed one", async () => {
    const { ok, devices } = await setUp(partly());
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

  test("believes what it observes, not what the driver reports", async () => {
    const driver = new FakeDriver(1);
    driver.onEnsure = () => ({ created: ["video10"], adopted: [], failed: [] });
    const { ok, devices } = await setUp(driver);
    expect([ok, devices[0]?.outcome, devices[0]?.detail]).toEqual([
      false,
      "failed",
      "video10 is missing",
    ]);
  });
});

describe("after making a device, a set-up", () => {
  /** A udev that gives every node its own mode at these times, ms after the start. */
  function withUdev(driver: FakeDriver, ...times: number[]) {
    const clock = steppingClock();
    driver.onInspect = () => {
      while (times[0] !== undefined && times[0] <= clock.now()) {
        times.shift();
        for (const { id } of driver.devices) driver.accessLost.add(id);
      }
    };
    return clock;
  }
  const ensures = ({ calls }: FakeDriver) => calls.filter((call) => call === "ensure").length;

  test("restores modes until they have stayed the same for 3 s", async () => {
    const driver = new FakeDriver(2);
    const clock = withUdev(driver, 400, 3300);
    const { ok, contested } = await setUp(driver, { clock });
    expect([ok, contested, ensures(driver)]).toEqual([true, [], 3]);
    expect(driver.accessLost.size).toBe(0);
    expect(clock.now()).toBe(6300);
  });

  test("waits for 3 s where there is no udev", async () => {
    const clock = steppingClock();
    await setUp(new FakeDriver(1), { clock });
    expect(clock.now()).toBe(3000);
  });

  test("does not wait if all was right before", async () => {
    const driver = new FakeDriver(1);
    driver.set("video10", "ok");
    const clock = steppingClock();
    await setUp(driver, { clock });
    expect([ensures(driver), clock.now()]).toEqual([1, 0]);
  });

  test("watches over a device that was there without its mode, too", async () => {
    const driver = new FakeDriver(1);
    driver.set("video10", "ok");
    driver.accessLost.add("video10");
    const clock = steppingClock();
    await setUp(driver, { clock });
    expect([driver.accessLost.size, clock.now()]).toEqual([0, 3000]);
  });

  test("gives up after 15 s, and names the devices", async () => {
    const driver = new FakeDriver(1);
    const everySecond = Array.from({ length: 60 }, (_, second) => second * 1000);
    const clock = withUdev(driver, ...everySecond);
    const report = await setUp(driver, { clock });
    expect([report.ok, report.contested, clock.now()]).toEqual([true, ["video10"], 15_000]);
    expect(renderSetUp(report)).toContain(
      "! video10: another program kept changing mode or group for 15 s.\n  → ",
    );
  });

  test("doesn't try again what can't be restored", async () => {
    const driver = new FakeDriver(1);
    driver.set("video10", "ok");
    driver.accessLost.add("video10");
    const error = new PluginError("node_access_failed", "/dev is read-only.");
    driver.onEnsure = () => ({ created: [], adopted: [], failed: [{ id: "video10", error }] });
    const { ok, contested } = await setUp(driver);
    expect([ok, contested, ensures(driver)]).toEqual([false, [], 1]);
  });
});

test("the table has a line a device, the remedy below, and the sum", async () => {
  expect(renderSetUp(await setUp(partly()))).toBe(
    `✓ video10   adopted  /dev/video10
✓ video11   created  /dev/video11
✗ video12   failed   video12 belongs to a camera.
  → Set NUMBER_TAKEN=elsewhere.
2 of 3 devices are ready.
`,
  );
});

test("the table is wrapped at the screen's width", async () => {
  const lines = renderSetUp(await setUp(partly()), 40).split("\n");
  expect(lines.slice(2, 5)).toEqual([
    "✗ video12   failed   video12 belongs to",
    "                     a camera.",
    "  → Set NUMBER_TAKEN=elsewhere.",
  ]);
});
