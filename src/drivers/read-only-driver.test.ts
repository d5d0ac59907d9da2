import { expect, test } from "bun:test";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { readOnlyDriver as readOnlyWith, udevRule } from "./read-only-driver.ts";

const access = { mode: 0o666, group: undefined };

function readOnlyDriver(driver: FakeDriver, log = recordingLogger()) {
  return readOnlyWith(driver, { log, access });
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return PluginError.from(error).code;
  }
}

test("adopts devices that exist, reports missing ones, and creates nothing", async () => {
  const inner = new FakeDriver(3);
  inner.set("video10", "ok");
  inner.set("video12", "module_gone", "The module is not loaded.");
  const report = await readOnlyDriver(inner).ensure();
  expect(report.created).toEqual([]);
  expect(report.adopted).toEqual(["video10"]);
  expect(report.failed.map(({ id }) => id)).toEqual(["video11", "video12"]);
  const error = PluginError.from(report.failed[1]?.error);
  expect(error.code).toBe("not_managed");
  expect(error.message).toStartWith("The module is not loaded. ");
  expect(error.remedy).toContain("video-device-plugin setup");
  expect(inner.calls).toEqual(["inspect"]);
});

test("one reason for all devices is one error", async () => {
  const inner = new FakeDriver(3);
  for (const { id } of inner.devices) inner.set(id, "module_gone", "The module is not loaded.");
  expect(await codeOf(readOnlyDriver(inner).ensure())).toBe("not_managed");
});

test("no device is reset, repaired or removed, and nothing is released", async () => {
  const inner = new FakeDriver(1);
  const driver = readOnlyDriver(inner);
  for (const change of ["reset", "repair", "remove"] as const) {
    expect(await codeOf(driver[change]("video10"))).toBe("not_supported");
    expect(await codeOf(driver[change]("video99"))).toBe("device_unknown");
  }
  await driver.release();
  expect(inner.calls).toEqual([]);
  expect(driver.capabilities()).toEqual({ remove: false });
  expect(driver.canFix({ reason: "missing", fix: "recreate" })).toBe(false);
  expect(driver.devices.map(({ cleaning }) => cleaning)).toEqual(["unavailable"]);
});

test("observations, openers and notifications are the driver's own", async () => {
  const inner = new FakeDriver(2);
  inner.set("video10", "ok");
  inner.open?.add("video11");
  const driver = readOnlyDriver(inner);
  const seen = await inner.inspect();
  expect(await driver.inspect()).toEqual(
    seen.map((observation) => ({ ...observation, fix: observation.fix })),
  );
  expect(driver.name).toBe(inner.name);
  expect(driver.devices.map(({ id, nodes }) => [id, nodes])).toEqual(
    inner.devices.map(({ id, nodes }) => [id, nodes]),
  );
  expect(await driver.isOpen("video11")).toBe(true);
  let notified = 0;
  driver.watch(() => notified++, new AbortController().signal);
  inner.notify();
  expect(notified).toBe(1);
});

test("a mode that was changed is logged once, with a rule for udev, and so is its return", async () => {
  const inner = new FakeDriver(2);
  for (const { id } of inner.devices) inner.set(id, "ok");
  const log = recordingLogger();
  const driver = readOnlyDriver(inner, log);
  await driver.inspect();
  expect(log.lines).toEqual([]);

  inner.accessLost.add("video11");
  for (const _ of [1, 2]) {
    const seen = await driver.inspect();
    expect(seen.some((observation) => "accessLost" in observation)).toBe(false);
    expect(seen.map(({ state }) => state)).toEqual(["ok", "ok"]);
  }
  const [{ level, fields } = {}, ...more] = log.lines.splice(0);
  expect([level, more]).toEqual(["warn", []]);
  expect(fields).toMatchObject({
    device_ids: ["video11"],
    mode: "0666",
    udev_rule: 'SUBSYSTEM=="video4linux", KERNEL=="video10|video11", MODE="0666"',
    remedy: expect.stringContaining("V4L2_DEVICE_GROUP"),
  });

  inner.accessLost.add("video10");
  await driver.inspect();
  expect(log.lines.splice(0).map((line) => [line.level, line.fields["device_ids"]])).toEqual([
    ["warn", ["video10"]],
  ]);
  inner.accessLost.clear();
  await driver.inspect();
  expect(log.lines.map((line) => [line.level, line.fields["device_ids"]])).toEqual([
    ["info", ["video10", "video11"]],
  ]);
});

test("the rule for udev has the group as well, if there is one", () => {
  expect(udevRule(["video10"], { mode: 0o660, group: 44 })).toBe(
    'SUBSYSTEM=="video4linux", KERNEL=="video10", MODE="0660", GROUP="44"',
  );
});
