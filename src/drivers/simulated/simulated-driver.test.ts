import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../common/clock.ts";
import type { LogFields, Logger } from "../../common/logger.ts";
import { silentLogger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { linuxCalls } from "../../linux/linux-calls.ts";
import { okObservation } from "../driver.ts";
import { SimulatedDriver, type SimulatedSettings } from "./simulated-driver.ts";
import type { MakeCharDevice } from "./simulated-node.ts";

const refused: MakeCharDevice = () => {
  throw new Error("not permitted");
};
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "simulated-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function driver(overrides: Partial<SimulatedSettings> = {}, log: Logger = silentLogger) {
  const settings = { firstDeviceNumber: 12, maxDevices: 2, mode: 0o666, group: undefined };
  return new SimulatedDriver(
    { ...settings, simulatedDir: dir, ...overrides },
    { log, clock: systemClock, makeCharDevice: refused },
  );
}

function inject(fault: string, text = ""): void {
  mkdirSync(join(dir, ".faults"), { recursive: true });
  writeFileSync(join(dir, ".faults", fault), text);
}

describe("simulated driver", () => {
  test("hostPath is in the directory of the nodes", () => {
    expect(driver().devices).toEqual([
      {
        ...{ id: "video12", number: 12, cleaning: "reset" },
        nodes: [{ hostPath: join(dir, "video12") }],
      },
      {
        ...{ id: "video13", number: 13, cleaning: "reset" },
        nodes: [{ hostPath: join(dir, "video13") }],
      },
    ]);
  });

  test("a sick device is faulty with the file's text, until the file is gone", async () => {
    const cameras = driver();
    await cameras.ensure();
    inject("video12.sick", "No frame for 10 seconds.\n");
    expect(await cameras.inspect()).toEqual([
      {
        ...{ id: "video12", state: "faulty", reason: "faulty", fix: "recreate" },
        detail: "No frame for 10 seconds.",
      },
      { ...okObservation("video13"), identity: expect.any(String) },
    ]);
    const report = await cameras.ensure();
    expect(report.failed.map(({ id }) => id)).toEqual(["video12"]);
    rmSync(join(dir, ".faults", "video12.sick"));
    expect((await cameras.inspect())[0]?.reason).toBe("ok");
  });

  test("repair ends dead caps, reset ends a stuck writer and dirt", async () => {
    const cameras = driver();
    await cameras.ensure();
    inject("video12.dead-caps");
    inject("video13.stuck-writer");
    inject("video13.dirty");
    expect((await cameras.inspect()).map(({ reason }) => reason)).toEqual([
      "dead_caps",
      "stuck_writer",
    ]);
    await cameras.repair("video12");
    await cameras.repair("video13");
    expect((await cameras.inspect()).map(({ reason }) => reason)).toEqual(["ok", "stuck_writer"]);
    await cameras.reset("video13");
    expect((await cameras.inspect()).map(({ reason }) => reason)).toEqual(["ok", "ok"]);
    expect(existsSync(join(dir, ".faults", "video13.dirty"))).toBe(false);
  });

  test("a device that is held is open, and is not reset", async () => {
    const cameras = driver();
    await cameras.ensure();
    expect(await cameras.isOpen("video12")).toBe(false);
    inject("video12.held", "A pod has it.");
    expect(await cameras.isOpen("video12")).toBe(true);
    await expect(cameras.reset("video12")).rejects.toMatchObject({ code: "device_busy" });
  });

  test("what is streamed is seen, and a device that streams is not reset", async () => {
    const cameras = driver();
    await cameras.ensure();
    inject("video12.streaming", "YUYV 640x480 30 fps\n");
    const seen = await cameras.inspect();
    expect(seen.map(({ format }) => format)).toEqual(["YUYV 640x480 30 fps", undefined]);
    expect(await cameras.isOpen("video12")).toBe(true);
    await expect(cameras.reset("video12")).rejects.toMatchObject({ code: "device_busy" });
    rmSync(join(dir, ".faults", "video12.streaming"));
    expect((await cameras.inspect())[0]).not.toHaveProperty("format");
    expect(await cameras.isOpen("video12")).toBe(false);
  });

  test("a device whose creation fails is in the report and the others are created", async () => {
    inject("video12.create-fails", "No space left.");
    const report = await driver().ensure();
    expect(report.created).toEqual(["video13"]);
    expect(report.failed).toMatchObject([
      {
        id: "video12",
        error: { code: "create_failed", message: "video12 could not be created: No space left." },
      },
    ]);
  });

  test("a reset that fails leaves the device as it is", async () => {
    const cameras = driver();
    await cameras.ensure();
    const before = statSync(join(dir, "video12")).ino;
    inject("video12.reset-fails");
    await expect(cameras.reset("video12")).rejects.toMatchObject({
      code: "reset_failed",
      message: "video12 could not be reset: The fault video12.reset-fails is set.",
    });
    expect(statSync(join(dir, "video12")).ino).toBe(before);
  });

  test("a reset brings a new node", async () => {
    const cameras = driver();
    await cameras.ensure();
    writeFileSync(join(dir, "video12"), "what the last user left");
    await cameras.reset("video12");
    expect(statSync(join(dir, "video12")).size).toBe(0);
  });

  test("what is in a node's place and isn't ours is left alone", async () => {
    mkdirSync(join(dir, "video12"));
    const cameras = driver();
    const report = await cameras.ensure();
    expect(report.failed).toMatchObject([{ id: "video12", error: { code: "device_foreign" } }]);
    expect((await cameras.inspect())[0]?.reason).toBe("wrong_driver");
    await expect(cameras.reset("video12")).rejects.toMatchObject({ code: "device_foreign" });
    expect(existsSync(join(dir, "video12"))).toBe(true);
  });

  test("a directory that can't be made is an error that names it", async () => {
    writeFileSync(join(dir, "file"), "");
    const simulatedDir = join(dir, "file", "nodes");
    const error = await driver({ simulatedDir })
      .ensure()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ code: "simulated_dir_unusable" });
    expect(String(error)).toContain(simulatedDir);
  });

  test("falling back to plain files is logged once", async () => {
    const logged: LogFields[] = [];
    const log = {
      ...silentLogger,
      info: (_: string, fields: LogFields = {}) => logged.push(fields),
    };
    const cameras = driver({}, log);
    await cameras.ensure();
    await cameras.reset("video12");
    expect(logged).toEqual([{ device_path: join(dir, "video12"), reason: "not permitted" }]);
  });

  test.if(process.getuid?.() === 0)(
    "as root the nodes are /dev/null's, in the group asked for",
    async () => {
      const cameras = new SimulatedDriver(
        { firstDeviceNumber: 0, maxDevices: 1, mode: 0o660, group: 44, simulatedDir: dir },
        { log: silentLogger, clock: systemClock, makeCharDevice: linuxCalls().makeCharDevice },
      );
      expect((await cameras.ensure()).failed).toEqual([]);
      const stat = statSync(join(dir, "video0"));
      expect([stat.isCharacterDevice(), stat.rdev, stat.gid]).toEqual([true, 0x103, 44]);
    },
  );

  test("a fault that is set notifies the watcher", async () => {
    const cameras = driver();
    await cameras.ensure();
    const abort = new AbortController();
    const notified = new Promise<void>((resolve) => cameras.watch(resolve, abort.signal));
    inject("video13.sick");
    await notified;
    abort.abort();
  });
});
