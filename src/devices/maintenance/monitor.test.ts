import { describe, expect, test } from "bun:test";
import { FakeDriver } from "../../../test/support/fake-driver.ts";
import { makeDevices } from "../../../test/support/make-devices.ts";
import { ManualClock, settle } from "../../../test/support/manual-clock.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { PluginError } from "../../common/plugin-error.ts";

async function setUp(prepare: (driver: FakeDriver) => void = () => undefined) {
  const driver = new FakeDriver();
  prepare(driver);
  const clock = new ManualClock();
  const log = recordingLogger();
  const devices = makeDevices({ driver, clock, log });
  const { inventory, monitor, queue } = devices;
  const stop = new AbortController();
  const running = monitor.run(stop.signal);
  await settle();
  const healthy = () => inventory.list().filter(({ health }) => health === "Healthy").length;
  return {
    ...{ driver, clock, inventory, log, monitor, queue, healthy, devices },
    /** As maintenance does it when its turn comes. */
    maintain: (kind: "reset" | "repair", id: string) =>
      queue.run({ what: `the ${kind} of ${id}`, devices: [id] }, (turn) => turn.maintain(kind, id)),
    end: async () => {
      stop.abort();
      await running;
    },
  };
}

describe("the device monitor", () => {
  test("creates the devices before the first inspection", async () => {
    const { driver, healthy, end } = await setUp();
    expect(driver.calls.slice(0, 2)).toEqual(["ensure", "inspect"]);
    expect(healthy()).toBe(8);
    await end();
  });

  test("inspects after the interval without any event", async () => {
    const { driver, clock, inventory, end } = await setUp();
    driver.set("video12", "faulty");
    await clock.advance(29_999);
    expect(inventory.get("video12")?.health).toBe("Healthy");
    await clock.advance(1);
    expect(inventory.get("video12")?.reason).toBe("faulty");
    await end();
  });

  test("inspects at once when the driver notifies it", async () => {
    const { driver, inventory, end } = await setUp();
    driver.set("video12", "faulty");
    driver.notify();
    await settle();
    expect(inventory.get("video12")?.health).toBe("Unhealthy");
    await end();
  });

  test("publishes a loss before it recreates the device", async () => {
    const { driver, inventory, end } = await setUp();
    const seen: string[] = [];
    inventory.subscribe((changes) => seen.push(...changes.map(({ after }) => after.health)));
    driver.set("video12", "missing");
    driver.notify();
    await settle();
    expect(seen).toEqual(["Unhealthy", "Healthy"]);
    await end();
  });

  test("backs off while creating fails, logs that once, and recovers", async () => {
    const { driver, clock, log, healthy, end } = await setUp((fake) => {
      fake.onEnsure = () => {
        throw new PluginError("module_file_not_found", "no module", { remedy: "install it" });
      };
    });
    expect(healthy()).toBe(0);
    const errors = () => log.lines.filter(({ level }) => level === "error");
    expect(errors()).toMatchObject([
      {
        level: "error",
        msg: "Devices could not be set up",
        fields: { error: "no module", error_code: "module_file_not_found", remedy: "install it" },
      },
    ]);
    const attempts = () => driver.calls.filter((call) => call === "ensure").length;
    await clock.advance(1000);
    expect(attempts()).toBe(2);
    await clock.advance(1000);
    expect(attempts()).toBe(2);
    await clock.advance(1000);
    expect(attempts()).toBe(3);
    expect(errors()).toHaveLength(1);
    driver.onEnsure = () => {
      for (const { id } of driver.devices) driver.set(id, "ok");
      return { created: [], adopted: driver.devices.map(({ id }) => id), failed: [] };
    };
    await clock.advance(4000);
    expect(healthy()).toBe(8);
    await end();
  });

  test("logs why creating failed after the devices' health, and again every ten minutes", async () => {
    const { monitor, clock, log, end } = await setUp((fake) => {
      for (const { id } of fake.devices) fake.set(id, "module_gone");
      fake.onEnsure = () => {
        throw new PluginError("module_file_not_found", "no module", { remedy: "install it" });
      };
    });
    expect(log.lines.at(-1)?.msg).toBe("Devices could not be set up");
    expect(log.lines.at(-2)?.msg).toBe("Devices unhealthy");
    expect(monitor.trouble?.code).toBe("module_file_not_found");
    for (let minute = 0; minute < 12; minute++) await clock.advance(60_000);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(2);
    await end();
  });

  test("logs one line for all devices with one cause, and one for each other", async () => {
    const { driver, log, end } = await setUp((fake) => {
      for (const { id } of fake.devices) fake.set(id, "module_gone");
      fake.onEnsure = () => ({
        created: [],
        adopted: [],
        failed: fake.devices.map(({ id }) => ({
          id,
          error: new PluginError("not_supported", `${id} can't be created.`),
        })),
      });
    });
    const ids = driver.devices.map(({ id }) => id);
    expect(log.lines.filter(({ level }) => level === "warn" || level === "error")).toMatchObject([
      {
        msg: "Devices unhealthy",
        fields: { count: 8, device_ids: ids, reason: "module_gone", was: "unknown" },
      },
      {
        msg: "Devices could not be set up",
        fields: { count: 8, device_ids: ids, error_code: "not_supported" },
      },
    ]);
    for (const id of ids) driver.set(id, id === "video12" ? "faulty" : "ok");
    driver.notify();
    await settle();
    expect(
      log.lines.filter(({ msg }) => /^Devices? (un)?healthy$/.test(msg)).slice(1),
    ).toMatchObject([
      { level: "info", msg: "Devices healthy", fields: { count: 7 } },
      { level: "warn", msg: "Device unhealthy", fields: { device_id: "video12" } },
    ]);
    await end();
  });

  test("keeps inspecting while creating fails", async () => {
    const { driver, inventory, end } = await setUp((fake) => {
      fake.onEnsure = () => ({
        created: [],
        adopted: [],
        failed: [{ id: "video17", error: new PluginError("device_number_taken", "taken") }],
      });
      for (const { id } of fake.devices) fake.set(id, id === "video17" ? "wrong_driver" : "ok");
    });
    driver.set("video10", "faulty");
    driver.notify();
    await settle();
    expect(inventory.get("video10")?.reason).toBe("faulty");
    expect(inventory.get("video17")?.reason).toBe("wrong_driver");
    await end();
  });

  test("ensures and inspects everything when asked to reinspect", async () => {
    const { driver, monitor, end } = await setUp();
    driver.calls.length = 0;
    monitor.reinspectAll();
    await settle();
    expect(driver.calls).toEqual(["inspect", "ensure", "inspect"]);
    await end();
  });

  test("does not forget a reinspection that is asked for while devices are being created", async () => {
    const made = Promise.withResolvers<void>();
    const { driver, monitor, end } = await setUp((fake) => {
      fake.onEnsure = async () => {
        await made.promise;
        for (const { id } of fake.devices) fake.set(id, "ok");
        return { created: [], adopted: [], failed: [] };
      };
    });
    monitor.reinspectAll();
    made.resolve();
    await settle();
    expect(driver.calls.filter((call) => call === "ensure")).toHaveLength(2);
    await end();
  });

  test("logs known trouble once more when asked to reinspect", async () => {
    const { log, monitor, end } = await setUp((fake) => {
      fake.onEnsure = () => {
        throw new PluginError("module_file_not_found", "no module");
      };
    });
    const errors = () => log.lines.filter(({ level }) => level === "error");
    expect(errors()).toHaveLength(1);
    monitor.reinspectAll();
    await settle();
    expect(errors()).toHaveLength(2);
    await end();
  });

  test("inspects after a reset, even a failed one", async () => {
    const { driver, maintain, inventory, end } = await setUp();
    driver.onReset = async () => {
      driver.set("video10", "missing");
      throw new PluginError("reset_failed", "no");
    };
    driver.onEnsure = () => ({ created: [], adopted: [], failed: [] });
    expect(maintain("reset", "video10")).rejects.toThrow("no");
    await settle();
    expect(inventory.get("video10")?.health).toBe("Unhealthy");
    await end();
  });

  test("offers no device any more when inspections keep failing", async () => {
    const { driver, clock, inventory, log, healthy, end } = await setUp();
    driver.onInspect = () => {
      throw new PluginError("sysfs_unreadable", "/sys is gone");
    };
    await clock.advance(30_000);
    await clock.advance(30_000);
    expect(healthy()).toBe(8);
    await clock.advance(30_000);
    expect(healthy()).toBe(0);
    expect(inventory.get("video10")).toMatchObject({
      reason: "unobservable",
      detail: "It could not be inspected 3 times in a row: /sys is gone.",
    });
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    driver.onInspect = () => undefined;
    await clock.advance(30_000);
    expect(healthy()).toBe(8);
    await end();
  });

  test("shows what it is at and for how long, so that a driver that hangs is noticed", async () => {
    const { driver, clock, monitor, queue, end } = await setUp();
    expect(queue.busy()).toBeUndefined();
    const hang = Promise.withResolvers<void>();
    driver.onEnsure = async () => {
      await hang.promise;
      return { created: [], adopted: [], failed: [] };
    };
    monitor.reinspectAll();
    await settle();
    await clock.advance(61_000);
    expect(queue.busy()).toEqual({ what: "a round of ensuring and inspecting", ms: 61_000 });
    hang.resolve();
    await settle();
    expect(queue.busy()).toBeUndefined();
    await end();
  });

  test("inspects after a repair", async () => {
    const { driver, maintain, inventory, queue, end } = await setUp();
    driver.set("video10", "dead_caps");
    await queue.inspect();
    expect(inventory.get("video10")?.reason).toBe("dead_caps");
    await maintain("repair", "video10");
    expect(inventory.get("video10")?.health).toBe("Healthy");
    await end();
  });

  test("keeps inspecting when a reset does not come back, and refuses another one meanwhile", async () => {
    const { driver, clock, maintain, inventory, end } = await setUp();
    const hang = Promise.withResolvers<void>();
    driver.onReset = () => hang.promise;
    const codes: string[] = [];
    const reset = () =>
      maintain("reset", "video10").catch((error: PluginError) => {
        codes.push(error.code);
      });
    reset();
    await settle();
    await clock.advance(5000);
    expect(codes).toEqual(["timed_out"]);
    driver.set("video11", "faulty");
    driver.notify();
    await settle();
    expect(inventory.get("video11")?.reason).toBe("faulty");
    await reset();
    expect(codes).toEqual(["timed_out", "device_hangs"]);
    driver.onReset = async () => undefined;
    hang.resolve();
    await settle();
    await reset();
    expect(codes).toHaveLength(2);
    await end();
  });

  test("hands the driver the devices that are free", async () => {
    const driver = new FakeDriver(2);
    const asked: unknown[] = [];
    const ensure = driver.ensure.bind(driver);
    driver.ensure = (options) => {
      asked.push([...(options?.recreatable ?? [])]);
      return ensure();
    };
    const clock = new ManualClock();
    const { monitor, usage } = makeDevices({ driver, clock });
    usage.refused("video11");
    const stop = new AbortController();
    const running = monitor.run(stop.signal);
    await settle();
    stop.abort();
    await running;
    expect(asked).toEqual([["video11"]]);
  });

  test("ensures a device at another number only once it is free", async () => {
    const { driver, devices, end } = await setUp();
    driver.set("video10", "wrong_number");
    driver.notify();
    await settle();
    expect(ensures(driver)).toBe(1);
    devices.usage.refused("video10");
    driver.notify();
    await settle();
    expect(ensures(driver)).toBe(2);
    await end();
  });

  test("ensures a device whose node has lost its mode", async () => {
    const { driver, end } = await setUp();
    driver.accessLost.add("video10");
    driver.notify();
    await settle();
    expect(ensures(driver)).toBe(2);
    driver.notify();
    await settle();
    expect(ensures(driver)).toBe(2);
    await end();
  });

  const ensures = (driver: FakeDriver) => driver.calls.filter((call) => call === "ensure").length;

  test("ensures a device that stays faulty, as one does that a killed reset has locked", async () => {
    const { driver, clock, inventory, end } = await setUp();
    driver.onEnsure = () => {
      driver.set("video12", "ok");
      return { created: [], adopted: [], failed: [] };
    };
    driver.set("video12", "faulty");
    driver.notify();
    await settle();
    await clock.advance(4999);
    expect(ensures(driver)).toBe(1);
    await clock.advance(1);
    expect(ensures(driver)).toBe(2);
    expect(inventory.get("video12")?.health).toBe("Healthy");
    await end();
  });

  test("leaves a device alone that is faulty for a moment, as one is while another process resets it", async () => {
    const { driver, clock, inventory, end } = await setUp();
    for (let n = 0; n < 3; n++) {
      driver.set("video12", "faulty");
      driver.notify();
      await settle();
      expect(inventory.get("video12")?.health).toBe("Unhealthy");
      await clock.advance(3000);
      driver.set("video12", "ok");
      await clock.advance(2000);
    }
    expect(ensures(driver)).toBe(1);
    await end();
  });

  test("retries a faulty device with backoff", async () => {
    const { driver, clock, end } = await setUp();
    const error = new PluginError("device_faulty", "it lets nothing open it");
    driver.onEnsure = () => ({ created: [], adopted: [], failed: [{ id: "video12", error }] });
    driver.set("video12", "faulty");
    driver.notify();
    await settle();
    for (let second = 0; second < 65; second++) await clock.advance(1000);
    // 5 s after it was seen, then 1, 2, 4, 8, 16 and 32 s later.
    expect(ensures(driver)).toBe(1 + 6);
    await end();
  });

  test("runs until its signal aborts", async () => {
    const { driver, end } = await setUp();
    const before = driver.calls.length;
    await end();
    driver.notify();
    await settle();
    expect(driver.calls).toHaveLength(before);
  });
});
