import { expect, test } from "bun:test";
import { PluginError } from "../common/plugin-error.ts";
import type { Health } from "../devices/inventory/device-status.ts";
import { devicesCheck, eventLoopCheck, monitorCheck, standbyDevicesCheck } from "./checks.ts";

const device = (health: Health, reason: string, detail = "") => ({
  id: "video10",
  health,
  reason,
  detail,
});
const ok = { name: "devices", failure: undefined };

test("one device that works is enough", () => {
  const devices = [device("Unhealthy", "missing"), device("Healthy", "ok")];
  expect(devicesCheck(devices, new PluginError("create_failed", "No."))).toEqual(ok);
});

test("devices that are withheld on purpose count as working", () => {
  for (const reason of ["cordoned", "retired", "unclean"] as const) {
    expect(devicesCheck([device("Unhealthy", reason)], undefined)).toEqual(ok);
  }
});

test("devices that are unplugged do not make a node unready, and hide no other trouble", () => {
  const unplugged = device("Unhealthy", "unplugged");
  expect(devicesCheck([unplugged], undefined)).toEqual(ok);
  expect(devicesCheck([unplugged, device("Unhealthy", "stuck")], undefined).failure).toStartWith(
    "none works: video10 is stuck",
  );
});

test("if no device works, the check says why creating them failed and what to do", () => {
  const trouble = new PluginError("module_file_not_found", "There is no file.", {
    remedy: "Install\nit.",
  });
  expect(devicesCheck([device("Unhealthy", "module_gone")], trouble).failure).toBe(
    "none works: There is no file. Install it.",
  );
});

test("if all devices exist, the check says what is wrong with the first", () => {
  const devices = [device("Unhealthy", "faulty", "It has a fault.")];
  expect(devicesCheck(devices, undefined).failure).toBe(
    "none works: video10 is faulty: It has a fault.",
  );
});

test("a standby passes with one device that works, or that it can fix", () => {
  const lost = device("Unhealthy", "missing", "There is none.");
  const foreign = device("Unhealthy", "wrong_driver", "It is a webcam.");
  const canFix = ({ reason }: { readonly reason: string }) => reason === "missing";
  expect(standbyDevicesCheck([foreign, lost], canFix)).toEqual(ok);
  expect(standbyDevicesCheck([foreign, device("Healthy", "ok")], () => false)).toEqual(ok);
  expect(standbyDevicesCheck([foreign], canFix).failure).toBe(
    "none works: video10 is wrong_driver: It is a webcam.",
  );
});

test("an event loop may lag by 5 s, and the monitor work on one thing for a minute", () => {
  expect(eventLoopCheck(5).failure).toBeUndefined();
  expect(eventLoopCheck(5.26).failure).toBe("the event loop is 5.3 s behind");
  expect(monitorCheck(undefined).failure).toBeUndefined();
  expect(monitorCheck({ what: "inspection", ms: 60_000 }).failure).toBeUndefined();
  expect(monitorCheck({ what: "inspection", ms: 61_000 }).failure).toBe(
    "inspection has taken 61 s",
  );
});
