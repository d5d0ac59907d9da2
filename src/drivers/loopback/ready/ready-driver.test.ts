import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { codeOf } from "../../../../test/support/code-of.ts";
import {
  type FakeKernelOptions,
  FakeLoopbackKernel,
} from "../../../../test/support/fake-loopback-kernel.ts";
import { FakeRelay } from "../../../../test/support/fake-relay.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { steppingClock } from "../../../../test/support/stepping-clock.ts";
import { ErrnoError } from "../../../linux/errno-error.ts";
import { controlId } from "../cleaning/frame-scrub.ts";
import { LoopbackDriver } from "../loopback-driver.ts";
import { ReadyDriver } from "./ready-driver.ts";
import type { ReadySettings } from "./ready-settings.ts";

const settings: ReadySettings = {
  ...{ width: 320, height: 240, pixelFormat: "YU12", rate: 30 },
  placeholder: { kind: "test_card" },
  ...{ idleMs: 1000, placeholderRate: 5 },
};

const kernels: FakeLoopbackKernel[] = [];
afterEach(() => {
  for (const kernel of kernels.splice(0)) kernel.close();
});

/** Called in each pause of a driver. */
let onPause = () => {};
afterEach(() => {
  onPause = () => {};
});

function setUp(options: FakeKernelOptions = {}, maxDevices = 2) {
  const kernel = new FakeLoopbackKernel(options);
  kernels.push(kernel);
  return { kernel, ...start(kernel, maxDevices) };
}

/** A process with a driver. */
function start(kernel: FakeLoopbackKernel, maxDevices = 2) {
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const log = recordingLogger();
  const stepping = steppingClock();
  const sleep = async (ms: number) => {
    await stepping.sleep(ms);
    onPause();
  };
  const clock = { now: stepping.now, sleep };
  const singles = new LoopbackDriver(
    {
      ...{ firstDeviceNumber: 10, maxDevices, mode: 0o666, group: undefined, pairs: true },
      ...{ cardLabel: "A camera of {id}", nodeName: "node-7", numberTaken: "refuse" },
      ...{ exclusiveCaps: true, maxWidth: 1920, maxHeight: 1080, initOnAlloc: true },
      ...{ modprobeDirs: [], deviceDir, sysfsDir, modulesDir, kernelRelease },
    },
    { log, kernel, clock },
  );
  let relay: FakeRelay | undefined;
  const driver = new ReadyDriver(singles, settings, {
    log,
    clock,
    relay: (onEvent) => {
      relay = new FakeRelay(onEvent);
      return relay;
    },
    placeholder: (id, problem) => Buffer.from(`${id} ${problem}`.padEnd(115_200)),
  });
  if (relay === undefined) throw new Error("no relay");
  return { driver, relay, log };
}

const reasonsOf = async (driver: ReadyDriver) =>
  (await driver.inspect()).map(({ reason }) => reason);

describe("a ready camera", () => {
  test("is created as a camera and its feed, each with the parameters of its role", async () => {
    const { kernel, driver, relay } = setUp();
    expect((await driver.ensure()).created).toEqual(["video10", "video11"]);
    expect(kernel.device(10)).toMatchObject({
      ...{ label: "A camera of video10", exclusive: true, maxBuffers: 2 },
    });
    expect(kernel.device(138)).toMatchObject({
      ...{ label: "A camera of video138 feed", exclusive: false, maxBuffers: 3 },
    });
    expect(driver.devices[0]?.nodes).toEqual([
      { hostPath: "/dev/video10", role: "camera" },
      { hostPath: "/dev/video138", role: "feed" },
    ]);
    expect(relay.pairs.get("video10")).toMatchObject({ frameBytes: 115_200, takesRounded: false });
    expect(await reasonsOf(driver)).toEqual(["ok", "ok"]);
  });

  test("has the numbers of both nodes", async () => {
    const { driver } = setUp();
    await driver.ensure();
    expect((await driver.inspect())[1]).toMatchObject({
      ...{ deviceNumber: "81:2", otherNumbers: ["81:3"], identity: "81:2+81:3" },
    });
  });

  test("is another device than the plain one that becomes its camera", async () => {
    const { kernel, driver } = setUp();
    kernel.preload("devices=1 video_nr=10");
    const [seen, none] = await driver.inspect();
    expect(seen).toMatchObject({ reason: "missing", deviceNumber: "81:0", identity: "81:0+none" });
    expect(none?.identity).toBeUndefined();
    expect(driver.canFix({ reason: "missing", fix: "recreate" })).toBe(true);
  });

  test("is not in use because this process holds it, and is in use if another one has a node of it", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    expect(await driver.isOpen("video10")).toBe(false);
    for (const number of [10, 138]) {
      const close = kernel.hold(number);
      expect(await driver.isOpen("video10")).toBe(true);
      expect(await codeOf(driver.reset("video10"))).toBe("device_busy");
      close();
      expect(await driver.isOpen("video10")).toBe(false);
    }
    expect(await reasonsOf(driver)).toEqual(["ok", "ok"]);
  });

  test("is never locked by an inspection, not even for a moment", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    const written: string[] = [];
    const write = kernel.writeAttribute.bind(kernel);
    kernel.writeAttribute = (path, text) => {
      written.push(path);
      write(path, text);
    };
    expect(await reasonsOf(driver)).toEqual(["ok", "ok"]);
    await driver.leave();
    // A successor, before it holds them, while a page reads the other camera.
    const close = kernel.hold(11);
    const next = start(kernel);
    expect(await reasonsOf(next.driver)).toEqual(["not_ready", "not_ready"]);
    close();
    expect(written).toEqual([]);
  });

  test("is recreated by a reset, both devices, and relayed again", async () => {
    const { kernel, driver, relay } = setUp();
    await driver.ensure();
    const before = relay.pairs.get("video10");
    kernel.journal.length = 0;
    await driver.reset("video10");
    const changes = kernel.journal.filter((entry) => !entry.startsWith("open"));
    expect(changes).toEqual(["remove 10", "add 10", "remove 138", "add 138"]);
    expect(relay.pairs.get("video10")).not.toBe(before);
    expect(await reasonsOf(driver)).toEqual(["ok", "ok"]);
  });

  test("is not ready if this process does not hold it, which ensure repairs", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    await driver.leave();
    const next = start(kernel);
    expect(await reasonsOf(next.driver)).toEqual(["not_ready", "not_ready"]);
    // A standby holds nothing, and sees that the other instance does.
    const [seen] = await next.driver.inspect({ readOnly: true });
    expect(seen?.reason).toBe("ok");
    expect((await next.driver.ensure()).adopted).toEqual(["video10", "video11"]);
    expect(await reasonsOf(next.driver)).toEqual(["ok", "ok"]);
  });

  test("keeps its buffers when it is left, whatever a program has set", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    for (const number of [10, 138]) kernel.inside(number).controls.set(controlId.keepFormat, 0);
    await driver.leave();
    for (const number of [10, 138]) {
      expect(kernel.inside(number).controls.get(controlId.keepFormat)).toBe(1);
    }
  });

  test("is left to a successor once that opens it, and relayed until then", async () => {
    const { kernel, driver, relay } = setUp();
    await driver.ensure();
    const relayed: string[] = [];
    onPause = () => {
      relayed.push([...relay.pairs.keys()].join());
      const id = { 2: "video10", 4: "video11" }[relayed.length];
      if (id !== undefined) kernel.openVideo(join(kernel.deviceDir, id));
    };
    await driver.leave({ hasSuccessor: true });
    const both = "video10,video11";
    expect(relayed).toEqual([both, both, "video11", "video11"]);
    expect(relay.isClosed).toBe(true);
    for (const number of [138, 139]) expect(kernel.inside(number).openers).toBe(0);
  });

  test("is left after 3 s to a successor that does not open it", async () => {
    const { kernel, driver, relay } = setUp();
    await driver.ensure();
    let pauses = 0;
    onPause = () => {
      pauses++;
    };
    await driver.leave({ hasSuccessor: true });
    expect(pauses).toBe(600);
    expect(relay.isClosed).toBe(true);
    for (const number of [10, 11]) expect(kernel.inside(number).openers).toBe(0);
  });

  test("is left at once on 0.12.7, which has no need of it", async () => {
    const { driver, relay } = setUp({ version: "0.12.7" });
    await driver.ensure();
    onPause = () => expect.unreachable();
    await driver.leave({ hasSuccessor: true });
    expect(relay.isClosed).toBe(true);
  });

  test("is left at once if opens can't be watched", async () => {
    const { kernel, driver, relay } = setUp();
    await driver.ensure();
    kernel.watchOpens = () => {
      throw new ErrnoError(24, "inotify_init1");
    };
    onPause = () => expect.unreachable();
    await driver.leave({ hasSuccessor: true });
    expect(relay.isClosed).toBe(true);
    expect(kernel.inside(10).openers).toBe(0);
  });

  test("is not ready while the relay does not run", async () => {
    const { driver, relay } = setUp();
    await driver.ensure();
    relay.isRunning = false;
    const [seen] = await driver.inspect();
    expect(seen).toMatchObject({ reason: "not_ready", state: "faulty", fix: "recreate" });
    relay.isRunning = true;
    expect(await reasonsOf(driver)).toEqual(["ok", "ok"]);
  });

  test("is missing if either of its devices is", async () => {
    const { kernel, driver } = setUp();
    await driver.ensure();
    kernel.unplug(138);
    const [seen] = await driver.inspect();
    expect(seen).toMatchObject({ id: "video10", reason: "missing", fix: "recreate" });
    expect(seen?.detail).toContain("video138");
  });

  test("has its format whether an application writes or not", async () => {
    const { driver } = setUp();
    await driver.ensure();
    expect((await driver.inspect())[0]?.format).toBe("YU12 320x240 30 fps");
  });

  test("says what the application does wrong, until it does it right", async () => {
    const { driver, relay, log } = setUp();
    await driver.ensure();
    const problem = () => driver.relay().cameras.get("video10")?.problem;
    const shown = () =>
      Buffer.from(relay.placeholders.get("video10") ?? [])
        .toString()
        .trimEnd();
    expect(problem()).toBe("");
    for (let times = 0; times < 2; times++) {
      relay.onEvent({ id: "video10", kind: "wrong_size", bytes: 614_400 });
    }
    const sentence =
      "The feed gets 614400 bytes a frame, as 640x480 YUYV has; this camera is 320x240 YU12.";
    expect(problem()).toBe(sentence);
    expect(shown()).toBe(`video10 ${sentence}`);
    const lines = log.lines.filter(({ msg }) => msg === "Frames of a wrong size dropped");
    expect(lines).toHaveLength(1);
    relay.onEvent({ id: "video10", kind: "placeholder" });
    expect(problem()).toBe(sentence);
    relay.onEvent({ id: "video10", kind: "application" });
    expect(problem()).toBe("");
    expect(shown()).toBe("video10");
  });

  test("is removed with its feed", async () => {
    const { kernel, driver, relay } = setUp();
    await driver.ensure();
    await driver.remove("video10");
    expect([kernel.device(10), kernel.device(138)]).toEqual([undefined, undefined]);
    expect([...relay.pairs.keys()]).toEqual(["video11"]);
    await driver.release();
    expect(relay.isClosed).toBe(true);
  });
});

describe("ready cameras without a control device", () => {
  test("are created by the module's parameters, the feeds with both roles", async () => {
    const { kernel, driver, relay } = setUp({ version: "0.12.7" });
    expect((await driver.ensure()).created).toEqual(["video10", "video11"]);
    const exclusive = [10, 11, 138, 139].map((number) => kernel.device(number)?.exclusive);
    expect(exclusive).toEqual([true, true, false, false]);
    expect(relay.pairs.get("video10")?.takesRounded).toBe(true);
    expect(await reasonsOf(driver)).toEqual(["ok", "ok"]);
  });

  test("are four at most", async () => {
    const { driver } = setUp({ version: "0.12.7" }, 5);
    await expect(driver.ensure()).rejects.toThrow(
      "5 ready cameras can't be created, which are two devices each",
    );
  });
});
