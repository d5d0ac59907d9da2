import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../../test/support/code-of.ts";
import { eventually } from "../../../test/support/eventually.ts";
import { cameraPool, FakeCameras } from "../../../test/support/fake-cameras.ts";
import { makeDevices } from "../../../test/support/make-devices.ts";
import { ManualClock, settle } from "../../../test/support/manual-clock.ts";
import type { LogLine } from "../../../test/support/recording-logger.ts";
import type { VideoDriver } from "../driver.ts";
import type { CameraPoolSettings } from "./camera-settings.ts";
import type { NodeAnswer } from "./questions.ts";

let node: FakeCameras;
beforeEach(() => {
  node = new FakeCameras();
});
afterEach(() => node.close());

const first = "usb-046d-0825-A";
const second = "usb-046d-0825-B";
const portId = (ports: string) => `usb-0000:00:14.0-${ports}`;

const see = async (driver: VideoDriver) =>
  (await driver.inspect()).map(({ id, reason }) => `${id} ${reason}`);
const linkOf = (id: string) => {
  const link = join(node.linkDir, id);
  return existsSync(link) ? readlinkSync(link).slice(node.deviceDir.length + 1) : undefined;
};
const answered = (deviceCaps: number, busInfo = "", card = ""): NodeAnswer<"capabilities"> => ({
  state: "answered",
  capabilities: { driver: "", card, busInfo, version: 0, deviceCaps },
});
const pool = (more: Partial<CameraPoolSettings>): CameraPoolSettings => ({
  ...cameraPool,
  ...more,
});

describe("a camera with further nodes", () => {
  const port = (ports: string) => `devices/pci0000:00/0000:00:14.0/usb1/1-${ports}`;
  const plug = (ports: string, numbers: readonly number[], media: number, devnum: string) => {
    node.plug(ports, { serial: "A", numbers });
    node.sysfs.put(`${port(ports)}/1-${ports}:1.0/media${media}/dev`, `245:${media}`);
    node.sysfs.put(`${port(ports)}/1-${ports}:1.0/video4linux/v4l-subdev0/dev`, "81:9");
    node.sysfs.put(`${port(ports)}/busnum`, "1");
    node.sysfs.put(`${port(ports)}/devnum`, devnum);
    node.sysfs.put(`${port(ports)}/dev`, "189:3");
  };
  const all = pool({ with: ["metadata", "media", "subdevices", "usb"] });
  const nodesOf = (driver: VideoDriver) =>
    driver.devices[0]?.nodes.slice(1).map(({ hostPath, containerPath }) => {
      return [hostPath.slice(node.linkDir.length + 1), containerPath];
    });

  test("has links to them that follow it, and none while it is unplugged", async () => {
    plug("1", [0, 1], 0, "4");
    const { driver } = node.start({ pools: [all] });
    await driver.ensure();
    expect(nodesOf(driver)).toEqual([
      [`${first}@metadata-0`, "/dev/video1"],
      [`${first}@media-0`, "/dev/media0"],
      [`${first}@subdevices-0`, "/dev/v4l-subdev0"],
      [`${first}@usb-0`, "/dev/bus/usb/001/004"],
    ]);
    const [seen] = await driver.inspect();
    expect(seen?.otherNumbers).toEqual(["81:1", "245:0", "81:9", "189:3"]);
    const links = () =>
      readdirSync(node.linkDir).map((name) => [
        name,
        readlinkSync(join(node.linkDir, name)).slice(node.deviceDir.length + 1),
      ]);
    expect(Object.fromEntries(links())).toEqual({
      [first]: "video0",
      [`${first}@metadata-0`]: "video1",
      [`${first}@media-0`]: "media0",
      [`${first}@subdevices-0`]: "v4l-subdev0",
      [`${first}@usb-0`]: "bus/usb/001/004",
    });
    await driver.confirm?.(first);
    node.unplug("1");
    await driver.inspect();
    expect(links()).toEqual([]);
    plug("2", [6, 7], 3, "12");
    await driver.ensure();
    expect(nodesOf(driver)?.map(([, path]) => path)).toEqual([
      ...["/dev/video7", "/dev/media3", "/dev/v4l-subdev0", "/dev/bus/usb/001/012"],
    ]);
    await driver.confirm?.(first);
  });

  test("loses a link whose node is gone, also one of an earlier process", async () => {
    plug("1", [0, 1], 0, "4");
    const before = node.start({ pools: [all] });
    await before.driver.ensure();
    const { driver } = node.start({ pools: [pool({ with: ["usb"] })] });
    await driver.ensure();
    expect(readdirSync(node.linkDir).sort()).toEqual([first, `${first}@usb-0`]);
    const plain = node.start();
    await plain.driver.ensure();
    expect(readdirSync(node.linkDir)).toEqual([first]);
  });
});

describe("a camera that is plugged in", () => {
  test("is listed once it was asked, and that once", async () => {
    const { driver } = node.start();
    await driver.ensure();
    expect(driver.devices).toEqual([]);
    node.plug("1", { serial: "A" });
    expect(await see(driver)).toEqual([]);
    await eventually(async () => (await see(driver)).length === 1, "an answer");
    expect(await see(driver)).toEqual([`${first} ok`]);
    expect(node.asked.map((path) => path.slice(-1))).toEqual(["0", "1"]);
    expect(driver.devices).toEqual([
      {
        ...{ id: first, number: 0, cleaning: "reset" },
        nodes: [{ hostPath: join(node.linkDir, first) }],
      },
    ]);
  });

  test("stays listed when it is unplugged, and a link leads to it while it is there", async () => {
    node.plug("1", { serial: "A" });
    const { driver } = node.start();
    await driver.ensure();
    expect(linkOf(first)).toBe("video0");
    node.unplug("1");
    expect(await driver.inspect()).toMatchObject([
      { id: first, state: "unavailable", reason: "unplugged", fix: "none" },
    ]);
    expect(readdirSync(node.linkDir)).toEqual([]);
  });

  test("is near to the NUMA node of its USB controller", async () => {
    node.sysfs.put("devices/pci0000:00/0000:00:14.0/numa_node", "1");
    node.plug("1", { serial: "A" });
    const { driver } = node.start();
    await driver.ensure();
    expect(driver.devices.map(({ numaNode }) => numaNode)).toEqual([1]);
    node.unplug("1");
    await driver.inspect();
    expect(driver.devices.map(({ numaNode }) => numaNode)).toEqual([1]);
  });

  test("comes back at once as the same device, at another port and under another number", async () => {
    node.plug("1", { serial: "A" });
    const { driver } = node.start();
    await driver.ensure();
    const [before] = await driver.inspect();
    node.unplug("1");
    await driver.inspect();
    node.plug("2", { serial: "A", numbers: [6, 7] });
    const [after] = await driver.inspect();
    expect(after).toMatchObject({ id: first, reason: "ok" });
    expect(after?.identity).not.toBe(before?.identity);
    expect(after?.deviceNumber).not.toBe(before?.deviceNumber);
    expect(linkOf(first)).toBe("video6");
    expect(driver.devices.map(({ number }) => number)).toEqual([6]);
  });

  test("has another identity after it was plugged in again, even with the same number", async () => {
    node.plug("1", { serial: "A" });
    const { driver } = node.start();
    await driver.ensure();
    const [before] = await driver.inspect();
    node.unplug("1");
    node.plug("1", { serial: "A" });
    const [after] = await driver.inspect();
    expect(after?.reason).toBe("ok");
    expect(after?.identity).not.toBe(before?.identity);
  });

  test("keeps its name if its twin comes, over restarts of the process as well", async () => {
    node.plug("1", { serial: "A" });
    const { driver, catalog } = node.start();
    await driver.ensure();
    node.plug("2", { serial: "A" });
    await driver.ensure();
    expect(await see(driver)).toEqual([`${first} ok`, `${portId("2")} ok`]);
    await catalog.saved();
    node.unplug("1");
    const next = node.start().driver;
    await next.ensure();
    expect(await see(next)).toEqual([`${portId("2")} ok`]);
  });
});

test("a camera that has moved keeps its name if its twin comes before it has answered", async () => {
  node.plug("1", { serial: "A" });
  const { driver } = node.start();
  await driver.ensure();
  node.unplug("1");
  const answer = Promise.withResolvers<void>();
  node.answering = answer.promise;
  node.plug("2", { serial: "A" });
  expect(await see(driver)).toEqual([`${first} ok`]);
  node.plug("3", { serial: "A" });
  expect(await see(driver)).toEqual([`${first} ok`]);
  answer.resolve();
  await driver.ensure();
  await driver.ensure();
  expect(await see(driver)).toEqual([`${first} ok`, `${portId("3")} ok`]);
  expect(linkOf(first)).toBe("video0");
});

describe("what a device is", () => {
  test("its answer decides: neither codecs, metadata nor what has no picture is a camera", async () => {
    node.sysfs.addPlatform("bcm2835-codec", "bcm2835-codec", [10]);
    node.answers.set(10, answered(0x0420_4000, "platform:bcm2835-codec"));
    node.plug("1", { serial: "A", numbers: [0, 1] });
    node.plug("2", { serial: "B", numbers: [2, 3] });
    for (const number of [2, 3]) node.answers.set(number, answered(0x04a0_0000));
    const codecs = pool({ name: "codecs", select: [{ kind: "codec" }] });
    const { driver, drivers } = node.start({ pools: [cameraPool, codecs] });
    for (const each of drivers) await each.ensure();
    expect(await see(driver)).toEqual([`${first} ok`]);
    expect(drivers[1]?.devices.map(({ id, cleaning }) => [id, cleaning])).toEqual([
      ["platform-bcm2835-codec", "not_needed"],
    ]);
  });

  test("a device belongs to the first pool that it matches, and to none that excludes it", async () => {
    node.plug("1", { serial: "A" });
    node.plug("2", { serial: "B" });
    const b = { usb: { serial: "B" } };
    const pools = [pool({ name: "b", select: [b] }), pool({ name: "all", exclude: [b] })];
    const { drivers } = node.start({ pools });
    for (const each of drivers) await each.ensure();
    expect(drivers.map(({ devices }) => devices.map(({ id }) => id))).toEqual([[second], [first]]);
  });

  test("the links that udev has made are found for rules that name one", async () => {
    node.plug("1", { serial: "A" });
    node.plug("2", { serial: "B" });
    const dir = join(node.deviceDir, "v4l/by-path");
    await Bun.write(join(dir, ".keep"), "");
    symlinkSync("../../video2", join(dir, "pci-0000:00:14.0-usb-0:2:1.0-video-index0"));
    const { driver } = node.start({ pools: [pool({ select: [{ link: "/dev/v4l/by-path/*" }] })] });
    await driver.ensure();
    expect(await see(driver)).toEqual([`${second} ok`]);
  });

  test("a name that the pool gives is the device's, and ambiguous if two match", async () => {
    node.plug("1", { serial: "A" });
    const { driver } = node.start({ pools: [pool({ deviceName: "front-door" })] });
    await driver.ensure();
    expect(await see(driver)).toEqual(["front-door ok"]);
    node.plug("2", { serial: "B" });
    await driver.ensure();
    expect(await see(driver)).toEqual(["front-door ambiguous"]);
    expect(linkOf("front-door")).toBeUndefined();
    node.unplug("1");
    expect(await see(driver)).toEqual(["front-door ok"]);
    expect(linkOf("front-door")).toBe("video2");
  });
});

describe("a device that does not work", () => {
  test("hangs as it is opened: it is stuck, and the others are as they were", async () => {
    node.plug("1", { serial: "A", numbers: [0, 1] });
    node.plug("2", { serial: "B", numbers: [2, 3] });
    node.answers.set(0, { state: "stuck" });
    const { driver } = node.start();
    await driver.ensure();
    expect(await see(driver)).toEqual([`${first} stuck`, `${second} ok`]);
  });

  test("is asked again later, and after it was plugged in again at once", async () => {
    const clock = new ManualClock();
    node.plug("1", { serial: "A", numbers: [0, 1] });
    node.answers.set(0, { state: "stuck" });
    const { driver } = node.start({ clock });
    await driver.ensure();
    node.answers.delete(0);
    await driver.ensure();
    expect(await see(driver)).toEqual([`${first} stuck`]);
    await clock.advance(100_000);
    await driver.ensure();
    expect(await see(driver)).toEqual([`${first} ok`]);
  });

  test("is a zombie if its driver has lost it", async () => {
    node.plug("1", { serial: "A", numbers: [0, 1] });
    node.answers.set(0, { state: "refused", errno: "ENODEV" });
    const { driver } = node.start();
    await driver.ensure();
    expect(await see(driver)).toEqual([`${first} zombie`]);
  });

  test("is one that this process may not open: pods may", async () => {
    node.plug("1", { serial: "A", numbers: [0, 1] });
    node.answers.set(0, { state: "refused", errno: "EPERM" });
    const { driver } = node.start();
    await driver.ensure();
    expect(await see(driver)).toEqual([`${first} ok`]);
  });

  test("has no link if the directory can't be written to", async () => {
    node.plug("1", { serial: "A" });
    await Bun.write(node.linkDir, "a file");
    const { driver } = node.start();
    await driver.ensure();
    await driver.inspect();
    expect(await see(driver)).toEqual([`${first} link_failed`]);
  });
});

describe("a device that a process holds open", () => {
  test("is not opened, and is what it was the last time", async () => {
    node.sysfs.addPlatform("hdmi", "unicam", [4]);
    node.answers.set(4, answered(0x0520_0001, "platform:hdmi", "HDMI"));
    await Bun.write(join(node.deviceDir, "video4"), "");
    node.plug("1", { serial: "A" });
    const before = node.start();
    await before.driver.ensure();
    await before.catalog.saved();
    const release = node.hold("1");
    node.asked.length = 0;
    const allocated = ["platform-hdmi"];
    const { driver } = node.start({ allocated, pools: [pool({ select: [{ card: "HDMI" }, {}] })] });
    await driver.ensure();
    expect(node.asked.map((path) => path.slice(-1))).toEqual([]);
    expect((await see(driver)).sort()).toEqual(["platform-hdmi ok", `${first} ok`]);
    release();
    await driver.ensure();
    expect(node.asked.map((path) => path.slice(-1))).toEqual(["0", "1"]);
  });
});

describe("a device that was plugged in before the process began", () => {
  test("is listed only if a pod owns it", async () => {
    node.plug("1", { serial: "A", numbers: [4, 5] });
    node.plug("2", { serial: "B" });
    const before = node.start();
    await before.driver.ensure();
    await before.catalog.saved();
    node.unplug("1");
    node.unplug("2");
    const { driver } = node.start({ allocated: [first, "usb-of-another-plugin"] });
    expect(driver.devices).toMatchObject([{ id: first, number: 4, cleaning: "reset" }]);
    expect(await see(driver)).toEqual([`${first} unplugged`]);
  });

  test("a file that can't be read is moved aside, and devices have the names of the first time", async () => {
    await Bun.write(join(node.stateDir, "cameras.json"), `{"version":1,"cameras":[{"id":7}]}`);
    node.plug("1", { serial: "A" });
    const { driver, catalog, log } = node.start();
    await driver.ensure();
    expect(await see(driver)).toEqual([`${first} ok`]);
    await catalog.saved();
    expect(readdirSync(node.stateDir).sort()).toEqual(["cameras.json", "cameras.json.bad"]);
    expect(
      log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields["error_code"]),
    ).toEqual(["cameras_unreadable"]);
  });
});

describe("between two pods", () => {
  const start = async (clean: CameraPoolSettings["clean"]) => {
    node.plug("1", { serial: "A" });
    const started = node.start({ pools: [pool({ clean })] });
    await started.driver.ensure();
    return started;
  };

  test("controls are reset, and a camera that refuses is allocated nevertheless", async () => {
    const { driver, log } = await start("controls");
    await driver.reset(first);
    expect(node.resets).toEqual([join(node.deviceDir, "video0")]);
    node.resetAnswer = { state: "answered", unclean: [0x0098_0900] };
    await driver.reset(first);
    expect(log.lines.at(-1)).toMatchObject({
      level: "warn",
      msg: "Controls not reset",
      fields: { device_id: first, error_code: "reset_failed" },
    });
  });

  test("a camera whose controls have to be reset is not allocated if they can't be", async () => {
    const { driver } = await start("required");
    node.resetAnswer = { state: "answered", unclean: [0x0098_0900] };
    expect(await codeOf(driver.reset(first))).toBe("reset_failed");
    node.resetAnswer = undefined;
    expect(await codeOf(driver.reset(first))).toBe("reset_failed");
  });

  test("a camera that does not answer a reset is stuck", async () => {
    const { driver } = await start("controls");
    node.resetAnswer = { state: "stuck" };
    await driver.reset(first);
    expect(await see(driver)).toEqual([`${first} stuck`]);
  });

  test("a camera whose controls stay is never opened", async () => {
    const { driver } = await start("none");
    expect(driver.devices[0]?.cleaning).toBe("unavailable");
    expect(await codeOf(driver.reset(first))).toBe("not_supported");
    expect(node.resets).toEqual([]);
  });

  test("a camera that is unplugged, or held open, is not reset", async () => {
    const { driver } = await start("controls");
    const release = node.hold("1");
    expect(await codeOf(driver.reset(first))).toBe("device_busy");
    release();
    node.unplug("1");
    expect(await codeOf(driver.reset(first))).toBe("device_missing");
    expect(node.resets).toEqual([]);
  });
});

describe("a reset whose child process does not begin", () => {
  async function starved(clean: CameraPoolSettings["clean"]) {
    node.plug("1", { serial: "A" });
    node.plug("2", { serial: "B" });
    const clock = new ManualClock();
    const { driver, log } = node.start({ clock, pools: [pool({ clean })] });
    const devices = makeDevices({ driver, clock });
    await driver.ensure();
    await devices.queue.inspect();
    node.resetting = (startMs) => clock.sleep(startMs);
    node.resetAnswer = undefined;
    const health = () => devices.inventory.list().map((device) => device.health);
    const reset = (id: string) =>
      devices.queue.run({ what: `the reset of ${id}` }, (turn) => turn.maintain("reset", id));
    return { clock, devices, health, reset, log };
  }
  const warnings = ({ lines }: { readonly lines: readonly LogLine[] }) =>
    lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);

  test("is a warning, and Allocate gives the cameras within the time that it has", async () => {
    const { clock, devices, health, log } = await starved("controls");
    const allocated = devices.guard.allocate([first, second]);
    for (const ms of [1000, 500]) {
      await settle();
      await clock.advance(ms);
    }
    expect((await allocated).map(({ id }) => id)).toEqual([first, second]);
    expect(health()).toEqual(["Healthy", "Healthy"]);
    expect(warnings(log)).toEqual(["Controls not reset", "Controls not reset"]);
  });

  test("ends before the limit of a reset between two pods, so other cameras are reset", async () => {
    const { clock, health, reset, log } = await starved("controls");
    for (const id of [first, second]) {
      const done = reset(id);
      await settle();
      await clock.advance(2500);
      await done;
    }
    expect(health()).toEqual(["Healthy", "Healthy"]);
    expect(warnings(log)).toEqual(["Controls not reset", "Controls not reset"]);
  });

  test("refuses a camera whose controls have to be reset", async () => {
    const { clock, devices } = await starved("required");
    const refused = codeOf(devices.guard.allocate([first]));
    await settle();
    await clock.advance(1000);
    expect(await refused).toBe("reset_failed");
  });
});

describe("Allocate", () => {
  const start = async () => {
    node.plug("1", { serial: "A" });
    const { driver } = node.start();
    // On a slow machine the second Allocate would come too late to be the same pod's.
    const devices = makeDevices({ driver, clock: new ManualClock() });
    await driver.ensure();
    await devices.queue.inspect();
    return { driver, devices };
  };

  test("has the controls reset, and hands out the link", async () => {
    const { devices } = await start();
    const [device] = await devices.guard.allocate([first]);
    expect(device?.nodes[0].hostPath).toBe(join(node.linkDir, first));
    expect(node.resets).toEqual([join(node.deviceDir, "video0")]);
  });

  test.each<[string, () => void]>([
    ["was unplugged a moment ago", () => node.unplug("1")],
    [
      "was plugged in again a moment ago",
      () => {
        node.unplug("1");
        node.plug("1", { serial: "A" });
      },
    ],
    ["has lost its node", () => node.removeNode("1")],
    [
      "has a link to another node",
      () => {
        unlinkSync(join(node.linkDir, first));
        symlinkSync(join(node.deviceDir, "video1"), join(node.linkDir, first));
      },
    ],
  ])("refuses a camera that %s, before any inspection", async (_, change) => {
    const { driver, devices } = await start();
    await devices.guard.allocate([first]);
    change();
    expect(await codeOf(driver.confirm(first))).toMatch(/^device_(missing|unhealthy)$/);
    expect(await codeOf(devices.guard.allocate([first]))).toMatch(/^device_(missing|unhealthy)$/);
  });

  test("never gives a pod's number to another camera unnoticed", async () => {
    const { devices } = await start();
    await devices.guard.allocate([first]);
    const number = devices.inventory.numbersOf(first)[0] ?? "";
    node.unplug("1");
    await devices.queue.inspect();
    node.plug("2", { serial: "B" });
    node.sysfs.put(
      "devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/video4linux/video0/dev",
      number,
    );
    await devices.queue.run({ what: "a start" }, async (turn) => void (await turn.ensure({})));
    await devices.queue.inspect();
    expect(devices.inventory.list().map(({ id, reason }) => `${id} ${reason}`)).toEqual([
      ...[`${first} unplugged`, `${second} minor_in_use`],
    ]);
  });
});

describe("events", () => {
  async function watched() {
    const clock = new ManualClock();
    const { driver, log } = node.start({ clock });
    const stop = new AbortController();
    const devices = makeDevices({ driver, clock, log });
    let [notified, inspections] = [0, 0];
    driver.watch(() => notified++, stop.signal);
    await driver.ensure();
    const inspect = async () => {
      inspections++;
      await devices.queue.inspect();
    };
    const seen = () => ({ notified, inspections });
    return { clock, driver, devices, stop, seen, inspect, log };
  }

  /** A camera is being asked until `answer`, and another one was plugged in since. */
  async function pluggedWhileAsking() {
    const started = await watched();
    await started.inspect();
    await settle();
    node.plug("1", { serial: "A" });
    await settle();
    await started.clock.advance(200);
    const { promise, resolve: answer } = Promise.withResolvers<void>();
    node.answering = promise;
    await started.inspect();
    node.plug("2", { serial: "B" });
    await settle();
    return { ...started, answer };
  }

  test("of a plug are left to udev for 200 ms, and that of an unplug counts at once", async () => {
    const { clock, stop, seen } = await watched();
    node.plug("1", { serial: "A" });
    await settle();
    await clock.advance(199);
    expect(seen().notified).toBe(0);
    await clock.advance(1);
    expect(seen().notified).toBe(1);
    node.unplug("1");
    await eventually(() => seen().notified === 2, "the unplug");
    stop.abort();
  });

  test("of a plug while another device answers are left to udev as well, and so few lists have many devices", async () => {
    const { clock, driver, stop, seen, inspect, answer } = await pluggedWhileAsking();
    answer();
    await settle();
    expect(seen().notified).toBe(2);
    await inspect();
    await settle();
    expect(driver.devices.map(({ id }) => id)).toEqual(["usb-046d-0825-A"]);
    const before = node.asked.length;
    await clock.advance(800);
    expect(seen().notified).toBe(3);
    await inspect();
    expect(node.asked.length).toBeGreaterThan(before);
    await settle();
    await inspect();
    expect(driver.devices.map(({ id }) => id)).toEqual(["usb-046d-0825-A", "usb-046d-0825-B"]);
    stop.abort();
  });

  test("of a plug that come to a rest while another device does not answer are not forgotten", async () => {
    const { clock, driver, stop, inspect, answer } = await pluggedWhileAsking();
    await clock.advance(800);
    await inspect();
    answer();
    await settle();
    await inspect();
    await settle();
    await inspect();
    expect(driver.devices.map(({ id }) => id)).toEqual(["usb-046d-0825-A", "usb-046d-0825-B"]);
    stop.abort();
  });

  test("of 50 plugs in 10 s lead to the right list, with few messages", async () => {
    const { clock, driver, devices, stop, seen, inspect } = await watched();
    const lists = new Set<string>();
    const listed = () =>
      devices.inventory
        .list()
        .map(({ id, health }) => `${id} ${health}`)
        .join();
    devices.inventory.subscribe(() => lists.add(listed()));
    let inspected = 0;
    for (let plug = 0; plug < 50; plug++) {
      node.plug(`${plug + 1}`, { serial: `S${plug}` });
      await settle();
      await clock.advance(200);
      while (inspected < seen().notified) {
        inspected = seen().notified;
        await inspect();
        await settle();
      }
    }
    await clock.advance(1000);
    await inspect();
    await settle();
    await inspect();
    expect(driver.devices).toHaveLength(50);
    expect(devices.inventory.list().every(({ health }) => health === "Healthy")).toBe(true);
    expect(lists.size).toBeLessThanOrEqual(15);
    expect(node.asked).toHaveLength(100);
    stop.abort();
  });
});

describe("whatever a device says of itself", () => {
  test.each([
    ["x".repeat(200)],
    ["\u001b[31m\u0000bad"],
    ["\ufffd\ufffd"],
    ["a b/c"],
    ["../../etc/passwd"],
  ])(
    "its ID is one that the kubelet takes, and its link is in its directory: %j",
    async (serial) => {
      node.plug("1", { serial: serial.replaceAll("\u0000", "\u0001") });
      const { driver } = node.start();
      await driver.ensure();
      const [{ id } = { id: "" }] = driver.devices;
      expect(id).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$/);
      expect(readdirSync(node.linkDir)).toEqual([id]);
      expect(await see(driver)).toEqual([`${id} ok`]);
    },
  );
});
