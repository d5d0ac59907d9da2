import { expect, test } from "bun:test";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { PluginError } from "../common/plugin-error.ts";
import { observeOnly } from "./observe-only.ts";

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return PluginError.from(error).code;
  }
}

test("what there is is adopted and what there isn't is told, and the driver makes nothing", async () => {
  const inner = new FakeDriver(3);
  inner.set("video10", "ok");
  inner.set("video12", "module_gone", "The module is not loaded.");
  const report = await observeOnly(inner).ensure();
  expect(report.created).toEqual([]);
  expect(report.adopted).toEqual(["video10"]);
  expect(report.failed.map(({ id }) => id)).toEqual(["video11", "video12"]);
  const error = PluginError.from(report.failed[1]?.error);
  expect(error.code).toBe("not_managed");
  expect(error.message).toStartWith("The module is not loaded. ");
  expect(error.remedy).toContain("video-device-plugin setup");
  expect(inner.calls).toEqual(["inspect"]);
});

test("one reason for all devices is told once", async () => {
  const inner = new FakeDriver(3);
  for (const { id } of inner.devices) inner.set(id, "module_gone", "The module is not loaded.");
  expect(await codeOf(observeOnly(inner).ensure())).toBe("not_managed");
});

test("no device is reset, repaired or removed, and nothing is released", async () => {
  const inner = new FakeDriver(1);
  const driver = observeOnly(inner);
  for (const change of ["reset", "repair", "remove"] as const) {
    expect(await codeOf(driver[change]("video10"))).toBe("not_supported");
    expect(await codeOf(driver[change]("video99"))).toBe("device_unknown");
  }
  await driver.release();
  expect(inner.calls).toEqual([]);
  expect(driver.capabilities()).toEqual({ reset: false, remove: false });
});

test("looks, holders and nudges are the driver's own", async () => {
  const inner = new FakeDriver(2);
  inner.set("video10", "ok");
  inner.open?.add("video11");
  const driver = observeOnly(inner);
  expect(await driver.inspect()).toEqual(await inner.inspect());
  expect([driver.name, driver.devices]).toEqual([inner.name, inner.devices]);
  expect(await driver.isOpen("video11")).toBe(true);
  let nudges = 0;
  driver.watch(() => nudges++, new AbortController().signal);
  inner.nudge();
  expect(nudges).toBe(1);
});
