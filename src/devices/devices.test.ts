import { describe, expect, test } from "bun:test";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { FakeUsageSource, makeDevices } from "../../test/support/make-devices.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { PodNumbers } from "./usage/pod-numbers.ts";

/** Two devices, and a third one that the driver finds as soon as `find` is called. */
async function setUp() {
  const driver = new FakeDriver(3);
  const all = driver.devices;
  driver.devices = all.slice(0, 2);
  for (const { id } of all) driver.set(id, "ok");
  const clock = new ManualClock();
  const source = new FakeUsageSource(clock);
  const log = recordingLogger();
  const devices = makeDevices({ driver, clock, source, log });
  await devices.queue.inspect();
  const find = async (found = all) => {
    driver.devices = found;
    await devices.queue.inspect();
  };
  return { driver, devices, source, log, find };
}

describe("a device that the driver finds later", () => {
  test("is offered with the inspection that found it, and said once", async () => {
    const { devices, log, find } = await setUp();
    const lists: string[] = [];
    devices.inventory.subscribe(() => {
      lists.push(
        devices.inventory
          .list()
          .map(({ id, health }) => `${id} ${health}`)
          .join(),
      );
    });
    await find();
    await find();
    expect(lists).toEqual(["video10 Healthy,video11 Healthy,video12 Healthy"]);
    const found = log.lines.filter(({ msg }) => msg === "Devices found");
    expect(found.map(({ fields }) => fields["device_ids"])).toEqual([["video12"]]);
  });

  test("has use, records and maintenance as the others", async () => {
    const { driver, devices, source, find } = await setUp();
    await find();
    expect(devices.activity().map(({ id }) => id)).toEqual(["video10", "video11", "video12"]);
    await devices.guard.allocate(["video12"]);
    expect(driver.calls).toContain("reset video12");
    expect(devices.activity().at(-1)).toMatchObject({ resets: 1, cleanliness: "dirty" });
    source.listed = new Set(["video12"]);
    await devices.usage.askNow();
    expect(devices.usage.use("video12")).toBe("in_use");
  });

  test("is held back if it was cordoned before", async () => {
    const { devices, find } = await setUp();
    devices.inventory.hold("video12", "cordoned", "An operator has cordoned it.");
    expect(devices.inventory.get("video12")).toBeUndefined();
    await find();
    expect(devices.inventory.get("video12")?.reason).toBe("cordoned");
  });

  test("leaves what is known of the others as it is", async () => {
    const { devices, find } = await setUp();
    await devices.guard.allocate(["video10"]);
    await find();
    expect(devices.activity()[0]).toMatchObject({ id: "video10", resets: 1, cleanliness: "dirty" });
  });
});

test("a device that comes back under another number has that one", async () => {
  const { driver, devices, find } = await setUp();
  await find(driver.devices.map((device) => ({ ...device, number: device.number + 20 })));
  expect(devices.inventory.list().map(({ number }) => number)).toEqual([30, 31]);
});

test("a device that one driver's usage follows and another driver finds later is that one's", () => {
  const numbers = new PodNumbers();
  const [one, other] = [new FakeDriver(1, 10), new FakeDriver(1, 20)];
  const first = makeDevices({ driver: one, numbers });
  first.usage.track(["video20"]);
  numbers.restore(new Map([["video20", new Set(["81:7"])]]));
  const second = makeDevices({ driver: other, numbers });
  expect(numbers.usageOf("video20")).toBe(second.usage);
  // The kubelet asks for it again, so that no pod of before owns it: what the first usage knows doesn't count.
  first.usage.refused("video20");
  expect(numbers.devicesOf("81:7")).toEqual(["video20"]);
  second.usage.refused("video20");
  expect(numbers.devicesOf("81:7")).toEqual([]);
});
