import { describe, expect, test } from "bun:test";
import { codeOf } from "../../../test/support/code-of.ts";
import { FakeDriver, observation } from "../../../test/support/fake-driver.ts";
import { FakeUsageSource, makeDevices } from "../../../test/support/make-devices.ts";
import { ManualClock, settle } from "../../../test/support/manual-clock.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { PluginError } from "../../common/plugin-error.ts";

/** The maintenance of devices that exist before the start, or not. */
async function setUp({ there = true, count = 2 } = {}) {
  const driver = new FakeDriver(count);
  if (there) for (const { id } of driver.devices) driver.set(id, "ok");
  const clock = new ManualClock();
  const log = recordingLogger();
  const kubelet = new FakeUsageSource(clock);
  const devices = makeDevices({
    ...{ driver, clock, log, source: kubelet },
    inspectIntervalMs: 1_000_000,
  });
  const { inventory, maintenance, monitor } = devices;
  const stop = new AbortController();
  const running = [monitor.run(stop.signal)];
  await settle();
  running.push(maintenance.run(stop.signal));
  await settle();
  return {
    ...{ driver, clock, log, inventory, kubelet, devices, maintenance },
    /** Moves on by `seconds`, a second at a time. */
    pass: async (seconds: number) => {
      for (let n = 0; n < seconds; n++) await clock.advance(1000);
    },
    /** Asks for devices as the kubelet does, and passes the time that Allocate waits; its error's code. */
    refusal: async (...ids: string[]) => {
      const error = devices.guard.allocate(ids).then(() => undefined, PluginError.from);
      for (let ms = 0; ms <= 2000; ms += 50) await clock.advance(50);
      return error;
    },
    reasonOf: (id: string) => inventory.get(id)?.reason,
    resets: () => driver.calls.filter((call) => call.startsWith("reset")),
    cleanliness: (id: string) => devices.usage.cleanliness(id),
    end: async () => {
      stop.abort();
      await Promise.all(running);
    },
  };
}

describe("the maintenance", () => {
  test("resets adopted devices that the kubelet has left out for the grace time, and once", async () => {
    const { pass, resets, end } = await setUp();
    await pass(19);
    expect(resets()).toEqual([]);
    await pass(60);
    expect(resets()).toEqual(["reset video10", "reset video11"]);
    await end();
  });

  test("takes devices that the driver created for clean", async () => {
    const { pass, resets, cleanliness, end, devices } = await setUp({ there: false });
    expect(cleanliness("video10")).toBe("clean");
    await devices.guard.allocate(["video10"]);
    await pass(5);
    expect(resets()).toEqual([]);
    expect(cleanliness("video10")).toBe("dirty");
    await end();
  });

  test("takes no device for clean that a pod owns which this process did not allocate", async () => {
    const { kubelet, pass, cleanliness, end } = await setUp({ there: false });
    kubelet.listed = new Set(["video10"]);
    await pass(11);
    expect(cleanliness("video10")).toBe("dirty");
    expect(cleanliness("video11")).toBe("clean");
    await end();
  });

  test("leaves a device alone that a pod owns under another resource name, until that pod has ended", async () => {
    const { kubelet, devices, inventory, log, pass, resets, end } = await setUp();
    kubelet.others = new Map([["video10", "example.com/old"]]);
    await pass(60);
    expect(resets()).toEqual(["reset video11"]);
    expect(devices.usage.use("video10")).toBe("in_use");
    expect(inventory.get("video10")?.reason).toBe("other_resource");
    expect(await codeOf(devices.guard.allocate(["video10"]))).toBe("device_unhealthy");
    const named = log.lines.filter(
      ({ level, fields }) => level !== "debug" && fields["reason"] === "other_resource",
    );
    expect(named.map(({ msg, fields }) => [msg, fields["device_id"]])).toEqual([
      ["Device unhealthy", "video10"],
    ]);
    // A kubelet that has just restarted doesn't know the pod yet.
    kubelet.others = new Map();
    devices.usage.kubeletRestarted();
    await pass(50);
    expect(inventory.get("video10")?.reason).toBe("other_resource");
    await pass(21);
    expect(inventory.get("video10")?.reason).toBe("ok");
    await pass(31);
    expect(resets()).toEqual(["reset video11", "reset video10"]);
    await end();
  });

  test("keeps a device out of the offer that a pod owns under another resource name while the kubelet does not answer", async () => {
    const { kubelet, inventory, pass, end } = await setUp();
    kubelet.others = new Map([["video10", "example.com/old"]]);
    await pass(11);
    kubelet.listed = undefined;
    await pass(60);
    expect(inventory.get("video10")?.reason).toBe("other_resource");
    await end();
  });

  test("asks the kubelet before it allocates or resets a device that another plugin offers as well", async () => {
    const { kubelet, devices, pass, resets, end } = await setUp();
    await pass(15);
    devices.usage.sharedWithOthers(["video10", "video11"]);
    await pass(6);
    expect(resets()).toEqual(["reset video10", "reset video11"]);
    // Both are clean now, and the other plugin allocates one before the next question is due.
    kubelet.others = new Map([["video10", "example.com/other"]]);
    expect(await codeOf(devices.guard.allocate(["video10"]))).toBe("device_unhealthy");
    expect(await codeOf(devices.guard.allocate(["video11"]))).toBeUndefined();
    await end();
  });

  test("does not reset a device that another plugin has allocated since the last answer", async () => {
    const { kubelet, devices, pass, resets, end } = await setUp({ count: 1 });
    await pass(15);
    devices.usage.sharedWithOthers(["video10"]);
    const asked = kubelet.asked;
    // The next question, at 20 s, finds the device free; the one after it comes right before the reset.
    kubelet.onAsked = (count) => {
      if (count === asked + 2) kubelet.others = new Map([["video10", "example.com/other"]]);
    };
    await pass(7);
    expect(kubelet.asked).toBe(asked + 2);
    await pass(30);
    expect(resets()).toEqual([]);
    await end();
  });

  test("refuses and does not reset a device of which Allocate learns that a pod owns it under another resource name", async () => {
    const { kubelet, devices, resets, end } = await setUp();
    kubelet.others = new Map([["video10", "example.com/old"]]);
    expect(await codeOf(devices.guard.allocate(["video10"]))).toBe("device_unhealthy");
    expect(resets()).toEqual([]);
    await end();
  });

  test("does not trust a kubelet that has just restarted and knows no pods yet", async () => {
    const { kubelet, devices, pass, resets, end } = await setUp({ there: false });
    kubelet.listed = new Set(["video10"]);
    await pass(15);
    kubelet.listed = new Set();
    devices.usage.kubeletRestarted();
    await pass(75);
    kubelet.listed = new Set(["video10"]);
    await pass(100);
    expect(resets()).toEqual([]);
    kubelet.listed = new Set();
    await pass(31);
    expect(resets()).toEqual(["reset video10"]);
    await end();
  });

  test("counts an absence from zero after the kubelet did not answer, which is logged once", async () => {
    const { kubelet, pass, log, resets, end } = await setUp();
    await pass(15);
    kubelet.listed = undefined;
    await pass(40);
    kubelet.listed = new Set();
    await pass(24);
    expect(resets()).toEqual([]);
    await pass(10);
    expect(resets()).toHaveLength(2);
    const logged = log.lines.filter(({ msg }) => msg === "Use of the devices unknown");
    expect(logged).toHaveLength(1);
    await end();
  });

  test("makes Allocate wait for a reset that is under way, and resets no second time", async () => {
    const { driver, pass, resets, cleanliness, end, devices } = await setUp();
    const reset = Promise.withResolvers<void>();
    driver.onReset = () => reset.promise;
    await pass(21);
    let claimed = false;
    const claim = devices.guard.allocate(["video10"]).then(() => {
      claimed = true;
    });
    await settle();
    expect(claimed).toBe(false);
    reset.resolve();
    await claim;
    expect(resets().filter((call) => call === "reset video10")).toHaveLength(1);
    expect(cleanliness("video10")).toBe("dirty");
    await end();
  });

  test("takes a device for clean whose reset ends after Allocate has timed out", async () => {
    const { driver, clock, cleanliness, end, devices } = await setUp();
    const reset = Promise.withResolvers<void>();
    driver.onReset = () => reset.promise;
    const claim = codeOf(devices.guard.allocate(["video10"]));
    await settle();
    await clock.advance(2000);
    expect(await claim).toBe("timed_out");
    reset.resolve();
    await settle();
    expect(cleanliness("video10")).toBe("clean");
    await end();
  });

  test("holds a device that can't be reset out of the offer, retries with backoff, and offers it again", async () => {
    const { driver, inventory, pass, resets, end } = await setUp();
    driver.onReset = async (id) => {
      if (id === "video10") throw new PluginError("reset_failed", "stuck");
    };
    await pass(21);
    expect(inventory.get("video10")?.health).toBe("Healthy");
    await pass(10);
    expect(inventory.get("video10")).toMatchObject({ health: "Unhealthy", reason: "unclean" });
    const tries = () => resets().filter((call) => call === "reset video10").length;
    await pass(600);
    expect(tries()).toBeLessThanOrEqual(11);
    driver.onReset = async () => undefined;
    await pass(301);
    expect(inventory.get("video10")?.health).toBe("Healthy");
    await end();
  });

  test("never holds a device out of the offer because its own pod's container could not be prepared", async () => {
    const { driver, inventory, end, devices } = await setUp();
    driver.onReset = async () => {
      throw new PluginError("reset_failed", "stuck");
    };
    for (let n = 0; n < 5; n++) {
      expect(await codeOf(devices.guard.prepare(["video10"]))).toBe("reset_failed");
    }
    expect(inventory.get("video10")?.health).toBe("Healthy");
    await end();
  });

  test("prepares a device for a container by a reset, unless a process holds it open", async () => {
    const { driver, resets, cleanliness, end, devices } = await setUp();
    await devices.guard.prepare(["video10"]);
    driver.open?.add("video11");
    await devices.guard.prepare(["video11"]);
    expect(resets()).toEqual(["reset video10"]);
    expect(cleanliness("video10")).toBe("dirty");
    await end();
  });

  test("allocates a device as it is to the pod that owns it", async () => {
    const { kubelet, resets, end, devices } = await setUp();
    kubelet.listed = new Set(["video10"]);
    await devices.guard.allocate(["video10"]);
    expect(resets()).toEqual([]);
    await end();
  });

  test("allocates no device that a process holds open, though the kubelet does not answer, and resets it after that", async () => {
    const { driver, kubelet, pass, resets, end, refusal } = await setUp();
    kubelet.listed = undefined;
    driver.open?.add("video11");
    expect(await refusal("video11")).toMatchObject({
      code: "device_held",
      message: "video11 is held open by a process of an unknown pod, so it can't be reset.",
      remedy: "Find the process on the host: fuser -v /dev/video11",
    });
    driver.open?.delete("video11");
    await pass(11);
    expect(resets()).toEqual(["reset video11"]);
    await end();
  });

  test("allocates none of several devices if one can't be reset", async () => {
    const { driver, cleanliness, end, refusal } = await setUp();
    driver.open?.add("video11");
    expect(await refusal("video10", "video11")).toMatchObject({ code: "device_held" });
    expect(cleanliness("video10")).toBe("clean");
    expect(cleanliness("video11")).toBe("dirty");
    await end();
  });

  test("allocates no clean device that a process holds open, which leaves the offer until it is closed", async () => {
    const { driver, log, inventory, refusal, reasonOf, pass, resets, end } = await setUp({
      there: false,
    });
    driver.open?.add("video11");
    driver.holder = "pipewire (process 812)";
    expect(await refusal("video11")).toMatchObject({
      code: "device_held",
      message: "video11 is held open by pipewire (process 812), so it can't be reset.",
      remedy: "Stop it on the host, or have it ignore /dev/video11.",
    });
    expect(inventory.get("video11")).toMatchObject({
      ...{ health: "Unhealthy", reason: "held" },
      detail: "It is held open by pipewire (process 812), of no pod that the kubelet lists.",
    });
    await pass(60);
    expect(reasonOf("video11")).toBe("held");
    expect(log.lines.filter(({ msg }) => msg === "Device held open")).toHaveLength(1);
    expect(resets()).toEqual([]);
    driver.open?.delete("video11");
    await pass(2);
    expect(reasonOf("video11")).toBe("ok");
    expect(resets()).toEqual(["reset video11"]);
    expect(await refusal("video11")).toBeUndefined();
    await end();
  });

  test("refuses an open device that it allocated just now, and resets it if the process closes it in time", async () => {
    const { driver, clock, devices, refusal, resets, end } = await setUp({ there: false });
    await devices.guard.allocate(["video10"]);
    driver.open?.add("video10");
    expect(await refusal("video10")).toMatchObject({ code: "device_held" });
    await devices.guard.allocate(["video11"]);
    driver.open?.add("video11");
    const claim = codeOf(devices.guard.allocate(["video11"]));
    await settle();
    driver.open?.delete("video11");
    await clock.advance(50);
    expect(await claim).toBeUndefined();
    expect(resets()).toEqual(["reset video11"]);
    await end();
  });

  test("names the process of today that holds a device open, and logs it once", async () => {
    const { driver, log, inventory, refusal, pass, end } = await setUp({ there: false });
    driver.open?.add("video10");
    driver.holder = "pipewire (process 812)";
    await refusal("video10");
    driver.holder = "pipewire (process 900)";
    await pass(50);
    expect(inventory.get("video10")?.detail).toContain("(process 812)");
    await pass(15);
    expect(inventory.get("video10")?.detail).toContain("(process 900)");
    expect(log.lines.filter(({ msg }) => msg === "Device held open")).toHaveLength(1);
    await end();
  });

  test("waits in Allocate for a process that opens a new device for a moment, and resets it", async () => {
    const { driver, clock, devices, reasonOf, resets, end } = await setUp({ there: false });
    driver.open?.add("video10");
    const claim = codeOf(devices.guard.allocate(["video10"]));
    await settle();
    for (let ms = 0; ms < 500; ms += 50) await clock.advance(50);
    driver.open?.delete("video10");
    await clock.advance(50);
    expect(await claim).toBeUndefined();
    expect(resets()).toEqual(["reset video10"]);
    expect(reasonOf("video10")).toBe("ok");
    await end();
  });

  test("holds a free device out of the offer that a process has held open for the grace time, and no sooner", async () => {
    const { driver, pass, reasonOf, resets, end } = await setUp({ there: false });
    await pass(25);
    driver.open?.add("video10");
    await pass(19);
    expect(reasonOf("video10")).toBe("ok");
    await pass(12);
    expect(reasonOf("video10")).toBe("held");
    driver.open?.delete("video10");
    await pass(2);
    expect(reasonOf("video10")).toBe("ok");
    expect(resets()).toEqual(["reset video10"]);
    await end();
  });

  test("searches once for the processes of all held devices, and goes on meanwhile", async () => {
    const { driver, kubelet, inventory, pass, reasonOf, end } = await setUp({
      ...{ there: false, count: 3 },
    });
    await pass(25);
    const searches: (readonly string[])[] = [];
    const search = Promise.withResolvers<ReadonlyMap<string, string>>();
    driver.holders = (ids) => {
      searches.push(ids);
      return search.promise;
    };
    for (const id of ["video10", "video12"]) driver.open?.add(id);
    await pass(32);
    expect(["video10", "video11", "video12"].map(reasonOf)).toEqual(["held", "ok", "held"]);
    expect(searches).toEqual([["video10", "video12"]]);
    const asked = kubelet.asked;
    await pass(11);
    expect(kubelet.asked).toBeGreaterThan(asked);
    search.resolve(new Map([["video12", "pipewire (process 812)"]]));
    await settle();
    expect(inventory.get("video10")?.detail).toContain("fuser -v /dev/video10");
    expect(inventory.get("video12")?.detail).toContain("pipewire (process 812)");
    await end();
  });

  test("looks at no further device once it has to end", async () => {
    const { driver, pass, end } = await setUp({ there: false, count: 3 });
    await pass(25);
    const looked: string[] = [];
    let ended: Promise<void> | undefined;
    driver.isOpen = async (id) => {
      looked.push(id);
      ended ??= end();
      return false;
    };
    await pass(15);
    await ended;
    expect(looked).toEqual(["video10"]);
  });

  test("neither holds nor resets a clean device that processes open for seconds, again and again", async () => {
    const { driver, log, pass, reasonOf, resets, end } = await setUp({ there: false });
    for (let n = 0; n < 10; n++) {
      driver.open?.add("video10");
      await pass(12);
      expect(reasonOf("video10")).toBe("ok");
      driver.open?.delete("video10");
      await pass(3);
    }
    expect(resets()).toEqual([]);
    expect(log.lines.filter(({ msg }) => msg === "Device held open")).toEqual([]);
    await end();
  });

  test("never looks at a device of a pod, and offers a held one again that turns out to be a pod's", async () => {
    const { driver, kubelet, devices, pass, refusal, reasonOf, end } = await setUp({
      there: false,
    });
    const looks: string[] = [];
    const isOpen = driver.isOpen.bind(driver);
    driver.isOpen = (id) => {
      looks.push(id);
      return isOpen(id);
    };
    await devices.guard.allocate(["video10"]);
    kubelet.listed = new Set(["video10"]);
    await pass(5);
    looks.length = 0;
    driver.open?.add("video10");
    await pass(60);
    expect(looks).not.toContain("video10");
    expect(looks).toContain("video11");
    expect(reasonOf("video10")).toBe("ok");
    driver.open?.add("video11");
    expect(await refusal("video11")).toMatchObject({ code: "device_held" });
    kubelet.listed = new Set(["video10", "video11"]);
    await pass(11);
    expect(reasonOf("video11")).toBe("ok");
    await end();
  });

  test("holds a device out of the offer whose cleaning has timed out three times in a row, until a reset succeeds", async () => {
    const { driver, clock, devices, pass, refusal, reasonOf, end } = await setUp();
    const ensure = Promise.withResolvers<void>();
    driver.onEnsure = () => ensure.promise.then(() => ({ created: [], adopted: [], failed: [] }));
    devices.monitor.reinspectAll();
    await clock.advance(0);
    for (let n = 1; n <= 3; n++) {
      expect(reasonOf("video10")).toBe("ok");
      expect(await refusal("video10")).toMatchObject({ code: "timed_out" });
    }
    expect(devices.inventory.get("video10")).toMatchObject({
      ...{ health: "Unhealthy", reason: "unclean" },
      detail: "Its last 3 allocations were refused: The cleaning of video10 took longer than 2 s.",
    });
    ensure.resolve();
    await pass(2);
    expect(reasonOf("video10")).toBe("ok");
    await end();
  });

  test("holds an open device out of the offer although Allocate's time is over before the process is found", async () => {
    const { driver, log, inventory, refusal, end } = await setUp();
    const search = Promise.withResolvers<ReadonlyMap<string, string>>();
    driver.holders = () => search.promise;
    driver.open?.add("video10");
    expect(await refusal("video10")).toMatchObject({ code: "timed_out" });
    expect(inventory.get("video10")).toMatchObject({ health: "Unhealthy", reason: "held" });
    search.resolve(new Map([["video10", "pipewire (process 812)"]]));
    await settle();
    expect(inventory.get("video10")?.detail).toContain("pipewire (process 812)");
    expect(log.lines.filter(({ msg }) => msg === "Device held open")).toHaveLength(1);
    await end();
  });

  test("counts only refusals in a row", async () => {
    const { driver, devices, clock, pass, refusal, reasonOf, end } = await setUp();
    const timesOut = async (times: number) => {
      const ensure = Promise.withResolvers<void>();
      driver.onEnsure = () => ensure.promise.then(() => ({ created: [], adopted: [], failed: [] }));
      devices.monitor.reinspectAll();
      await clock.advance(0);
      for (let n = 0; n < times; n++) {
        expect(await refusal("video10")).toMatchObject({ code: "timed_out" });
      }
      ensure.resolve();
      await settle();
    };
    await timesOut(2);
    expect(await refusal("video10")).toBeUndefined();
    await pass(1);
    await timesOut(2);
    expect(reasonOf("video10")).toBe("ok");
    await end();
  });

  test("allocates none of several devices if one becomes unhealthy while the others are reset", async () => {
    const { driver, devices, end } = await setUp();
    driver.onReset = async (id) => driver.set(id, id === "video11" ? "missing" : "ok");
    expect(await codeOf(devices.guard.allocate(["video10", "video11"]))).toBe("device_unhealthy");
    expect(devices.activity()).toMatchObject([
      { use: "free", cleanliness: "clean" },
      { use: "free", cleanliness: "clean" },
    ]);
    await end();
  });

  test("prepares all devices of a container within one time, and no further one after that", async () => {
    const { driver, clock, pass, resets, end, devices } = await setUp({ count: 5 });
    driver.onReset = () => clock.sleep(4000);
    const ids = driver.devices.map(({ id }) => id);
    const refused = devices.guard.prepare(ids).catch(PluginError.from);
    await pass(10);
    expect(await refused).toMatchObject({
      code: "timed_out",
      message: "The reset of video10, video11, video12, video13, video14 took longer than 10 s.",
    });
    await pass(9);
    expect(resets()).toEqual(["reset video10", "reset video11", "reset video12"]);
    await end();
  });

  test("leaves the refusal to the driver where open devices can't be seen, until a reset succeeds", async () => {
    const { driver, pass, reasonOf, resets, end, devices } = await setUp();
    driver.open = undefined;
    driver.onReset = async () => {
      throw new PluginError("device_busy", "held");
    };
    expect(await codeOf(devices.guard.allocate(["video10"]))).toBe("device_busy");
    expect(resets()).toEqual(["reset video10"]);
    expect(reasonOf("video10")).toBe("held");
    await pass(15);
    expect(reasonOf("video10")).toBe("held");
    driver.onReset = async () => undefined;
    await pass(11);
    expect(reasonOf("video10")).toBe("ok");
    await end();
  });

  test("resets and repairs for an operator, and counts it", async () => {
    const { driver, maintenance, resets, cleanliness, end, devices } = await setUp({
      there: false,
    });
    expect(await codeOf(maintenance.operate("reset", "video10", { force: false }))).toBe(
      "use_unknown",
    );
    await maintenance.operate("reset", "video10", { force: true });
    driver.set("video11", "dead_caps");
    expect(await maintenance.operate("repair", "video11", { force: false })).toBe(true);
    expect(resets()).toEqual(["reset video10"]);
    expect(devices.activity().map((one) => [one.resets, one.repairs])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(cleanliness("video11")).toBe("clean");
    await end();
  });

  /** Two allocated devices that the kubelet does not list, and that have each other's former number. */
  async function setUpExchanged() {
    const made = await setUp({ there: false });
    const { driver, devices, pass } = made;
    const number = async (numbers: Readonly<Record<string, string>>) => {
      for (const [id, deviceNumber] of Object.entries(numbers)) {
        driver.observations.set(id, { ...observation(id, "ok"), deviceNumber });
      }
      await devices.queue.inspect();
    };
    await number({ video10: "81:0", video11: "81:1" });
    await devices.guard.allocate(["video10", "video11"]);
    await pass(31);
    await number({ video10: "81:1", video11: "81:0" });
    return { ...made, reasons: () => devices.inventory.list().map(({ reason }) => reason) };
  }

  test("releases the device numbers that two unlisted devices keep from each other, if an operator forces it", async () => {
    const { devices, inventory, maintenance, log, pass, reasons, end } = await setUpExchanged();
    await pass(3600);
    expect(reasons()).toEqual(["minor_in_use", "minor_in_use"]);
    expect(inventory.get("video10")?.detail).toBe(
      "A pod that was allocated video11 may still have its device number 81:1, which video11 had before; if none has, release it: video-device-plugin reset --force video10.",
    );
    const wish = (force: boolean) => codeOf(maintenance.operate("reset", "video10", { force }));
    expect(await wish(false)).toBe("use_unknown");
    expect(reasons()).toEqual(["minor_in_use", "minor_in_use"]);
    expect(await wish(true)).toBeUndefined();
    expect(reasons()).toEqual(["ok", "minor_in_use"]);
    expect(log.lines.find(({ msg }) => msg === "Device number released")?.fields).toMatchObject({
      ...{ device_id: "video10", device_number: "81:1", other_device_ids: ["video11"] },
    });
    // The kubelet requests it, so that no pod owns it: its own former number is free, too.
    await devices.guard.allocate(["video10"]);
    expect(reasons()).toEqual(["ok", "ok"]);
    await end();
  });

  test("releases the device number of a device that it no longer has after 20 s of answers, or for an operator", async () => {
    for (const isAnswered of [true, false]) {
      const { driver, devices, kubelet, maintenance, pass, reasonOf, end } = await setUp();
      if (!isAnswered) kubelet.listed = undefined;
      driver.observations.set("video10", { ...observation("video10", "ok"), deviceNumber: "81:0" });
      devices.usage.track(["video2"]);
      devices.numbers.restore(new Map([["video2", new Set(["81:0"])]]));
      await devices.queue.inspect();
      expect(reasonOf("video10")).toBe("minor_in_use");
      await pass(isAnswered ? 31 : 3600);
      if (!isAnswered) {
        expect(reasonOf("video10")).toBe("minor_in_use");
        await maintenance.operate("reset", "video10", { force: true });
      }
      expect(reasonOf("video10")).toBe("ok");
      await end();
    }
  });

  test("releases no device number of a pod that the kubelet lists, though an operator forces it", async () => {
    const { kubelet, maintenance, log, reasons, end } = await setUpExchanged();
    kubelet.listed = new Set(["video11"]);
    await maintenance.operate("reset", "video10", { force: true });
    expect(reasons()).toEqual(["minor_in_use", "minor_in_use"]);
    expect(log.lines.map(({ msg }) => msg)).not.toContain("Device number released");
    await end();
  });

  test("neither does nor counts a repair of a device that has nothing to repair", async () => {
    const { driver, maintenance, log, end, devices } = await setUp();
    expect(await maintenance.operate("repair", "video11", { force: true })).toBe(false);
    expect(driver.calls).not.toContain("repair video11");
    expect(devices.activity().map(({ repairs }) => repairs)).toEqual([0, 0]);
    expect(log.lines.map(({ msg }) => msg)).not.toContain("Device repaired");
    await end();
  });

  test("shows which device is being reset, while that takes, and not as its health", async () => {
    const { driver, clock, inventory, maintenance, end, devices } = await setUp({ there: false });
    const hangs = Promise.withResolvers<void>();
    driver.onReset = () => hangs.promise;
    const works = () => devices.activity().map(({ work }) => work);
    const reset = codeOf(maintenance.operate("reset", "video11", { force: true }));
    await settle();
    expect(works()).toEqual([undefined, "reset"]);
    await clock.advance(5000);
    expect(await reset).toBe("timed_out");
    expect(works()).toEqual([undefined, "reset"]);
    expect(inventory.get("video11")?.health).toBe("Healthy");
    hangs.resolve();
    await settle();
    expect(works()).toEqual([undefined, undefined]);
    await end();
  });

  test("asks the kubelet again before it resets for an operator", async () => {
    const { maintenance, kubelet, pass, resets, cleanliness, end } = await setUp({ there: false });
    await pass(31);
    kubelet.listed = new Set(["video10"]);
    const wish = (force: boolean) => codeOf(maintenance.operate("reset", "video10", { force }));
    expect(await wish(false)).toBe("device_in_use");
    expect(await wish(true)).toBeUndefined();
    expect(cleanliness("video10")).toBe("dirty");
    expect(resets()).toEqual(["reset video10"]);
    expect(await codeOf(maintenance.operate("reset", "video99", { force: true }))).toBe(
      "device_unknown",
    );
    await end();
  });

  test("never resets an open device, and resets a cordoned one", async () => {
    const { maintenance, driver, inventory, pass, resets, end } = await setUp();
    driver.open = new Set(["video10"]);
    inventory.hold("video11", "cordoned", "lens");
    await pass(31);
    expect(await codeOf(maintenance.operate("reset", "video10", { force: true }))).toBe(
      "device_busy",
    );
    expect(resets()).toEqual(["reset video11"]);
    expect(inventory.get("video11")?.reason).toBe("cordoned");
    await end();
  });

  test("waits at the end for a slow kubelet, for longer than inside Allocate", async () => {
    const { driver, clock, maintenance, kubelet, end } = await setUp({ there: false });
    await end();
    kubelet.takesMs = 900;
    const removing = maintenance.removeUnused();
    await settle();
    for (let step = 0; step < 9; step++) await clock.advance(100);
    await removing;
    expect(driver.calls.slice(-3)).toEqual(["remove video10", "remove video11", "release"]);
  });

  test("asks a kubelet that does not answer twice at the end, for all devices together, and removes nothing", async () => {
    const { driver, clock, maintenance, kubelet, log, end } = await setUp({ there: false });
    await end();
    kubelet.takesMs = 100_000;
    kubelet.asked = 0;
    const removing = maintenance.removeUnused();
    await settle();
    for (let step = 0; step < 2; step++) await clock.advance(1000);
    await removing;
    expect(kubelet.asked).toBe(2);
    expect(driver.calls.filter((call) => /^(remove|release)/.test(call))).toEqual([]);
    expect(log.lines.filter(({ msg }) => msg === "Device kept")).toHaveLength(2);
  });
});
