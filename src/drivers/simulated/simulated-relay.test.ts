import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/logger.ts";
import { SimulatedDriver } from "./simulated-driver.ts";

let dir: string;
let now = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "simulated-"));
  mkdirSync(join(dir, ".faults"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function ready() {
  const settings = { firstDeviceNumber: 10, maxDevices: 2, mode: 0o666, group: undefined };
  return new SimulatedDriver(
    { ...settings, simulatedDir: dir, ready: { rate: 30, placeholderRate: 5 } },
    {
      log: silentLogger,
      clock: { ...systemClock, now: () => now },
      makeCharDevice: () => {
        throw new Error("not permitted");
      },
    },
  );
}

const inject = (fault: string, text: string) => writeFileSync(join(dir, ".faults", fault), text);

test("a ready camera has a camera and a feed", () => {
  expect(ready().devices[0]?.nodes).toEqual([
    { hostPath: join(dir, "video10"), role: "camera" },
    { hostPath: join(dir, "video138"), role: "feed" },
  ]);
});

test("a camera shows the placeholder, then the application, and frames pass with the time", () => {
  const driver = ready();
  now += 2000;
  expect(driver.relay()?.cameras.get("video10")).toMatchObject({
    picture: "placeholder",
    ...{ placeholderFrames: 10, applicationFrames: 0, problem: "" },
  });
  inject("video10.streaming", "YU12 1280x720 30 fps");
  now += 1000;
  const report = driver.relay();
  expect(report?.cameras.get("video10")).toMatchObject({
    picture: "application",
    ...{ placeholderFrames: 10, applicationFrames: 30 },
  });
  expect(report?.cameras.get("video11")).toMatchObject({ picture: "placeholder" });
});

test("frames of a wrong size are dropped, and the camera shows the placeholder", async () => {
  const driver = ready();
  await driver.ensure();
  inject("video10.streaming", "YUYV 640x480 30 fps");
  inject("video10.wrong-size", "The feed gets 614400 bytes a frame.");
  now += 1000;
  expect(driver.relay()?.cameras.get("video10")).toMatchObject({
    picture: "placeholder",
    ...{ applicationFrames: 0, droppedFrames: 30, problem: "The feed gets 614400 bytes a frame." },
  });
  expect(await driver.isOpen("video10")).toBe(true);
});

test("a relay that has stopped counts no frames", () => {
  const driver = ready();
  inject("relay.stopped", "");
  now += 1000;
  const report = driver.relay();
  expect(report?.isRunning).toBe(false);
  expect(report?.cameras.get("video10")?.placeholderFrames).toBe(0);
});

test("a device without its feed is missing, and ensure creates the feed alone", async () => {
  const driver = ready();
  expect((await driver.ensure()).created).toEqual(["video10", "video11"]);
  rmSync(join(dir, "video138"));
  expect((await driver.inspect())[0]).toMatchObject({
    ...{ id: "video10", reason: "missing", detail: `There is no ${join(dir, "video138")}.` },
  });
  expect((await driver.ensure()).adopted).toEqual(["video10", "video11"]);
  expect((await driver.inspect())[0]?.reason).toBe("ok");
});
