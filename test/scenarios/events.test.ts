import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { PluginError } from "../../src/common/plugin-error.ts";
import { adminClient, failureOf } from "../support/admin-client.ts";
import type { LogLine } from "../support/recording-logger.ts";
import { CameraNode } from "./camera-node.ts";
import { eventually, quickMaintenance, type RunningPlugin } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

const events = ({ log }: RunningPlugin) => log.lines.filter(({ level }) => level !== "debug");

const said = (plugin: RunningPlugin, msg: string) =>
  eventually(() => plugin.log.lines.some((line) => line.msg === msg), msg);

describe("a healthy node", () => {
  test("logs nothing at info level between events, however often it is inspected", async () => {
    const pollMs = 50;
    const configure = scenario.config.bind(scenario);
    // As often as the maintenance polls; the option has whole seconds.
    scenario.config = (options) => ({ ...configure(options), healthCheckInterval: pollMs / 1000 });
    const cameras = scenario.cameras(3);
    const plugin = await scenario.started(cameras, {}, { ...quickMaintenance, pollMs });
    await scenario.pod("a");
    await said(plugin, "Device owned by pod");
    await Bun.sleep(4 * pollMs);
    const before = events(plugin).length;
    const inspections = () => cameras.calls.filter((call) => call === "inspect").length;
    const looked = inspections();
    await eventually(() => inspections() >= looked + 20, "20 rounds");
    expect(events(plugin).slice(before)).toEqual([]);
  });

  test("logs each change of a maintenance decision at debug level", async () => {
    const plugin = await scenario.started(scenario.cameras(2));
    await scenario.pod("a");
    await said(plugin, "Device owned by pod");
    await eventually(
      () => decisions(plugin).some((line) => line.includes("video10 none in_use listed")),
      "the decision about the device that is taken",
    );
    await eventually(
      () => decisions(plugin).some((line) => line.startsWith("video11 none")),
      "the decision about the other one",
    );
    await Bun.sleep(4 * quickMaintenance.pollMs);
    for (const id of ["video10", "video11"]) {
      const logged = plugin.log.lines
        .filter(({ msg, fields }) => msg === "Maintenance decision" && fields["device_id"] === id)
        .map(({ fields }) => JSON.stringify(fields));
      expect(logged.filter((line, at) => line === logged[at - 1])).toEqual([]);
    }
  });
});

/** "video10 none in_use listed" */
function decisions({ log }: RunningPlugin): string[] {
  return log.lines
    .filter(({ level, msg }) => level === "debug" && msg === "Maintenance decision")
    .map(({ fields }) => {
      const listed = fields["listed_by_kubelet"] === true ? "listed" : "not listed";
      return [fields["device_id"], fields["action"], fields["use"], listed].join(" ");
    });
}

describe("every change of state", () => {
  test("is logged with its reason and the next step", async () => {
    const cameras = scenario.cameras(4);
    const admin = adminClient(scenario.adminSocket);
    const plugin = await scenario.started(cameras, {
      "pre-start-container": "true",
      "remove-devices-on-exit": "true",
    });
    await scenario.pod("a");
    await said(plugin, "Device owned by pod");
    const works = cameras.onReset;
    cameras.onReset = async () => {
      throw new PluginError("reset_failed", "The kernel said no.");
    };
    expect(await failureOf(admin.resetDevice({ deviceId: "video13", force: true }))).toBeDefined();
    cameras.onReset = works;
    cameras.set("video13", "faulty");
    cameras.notify();
    await said(plugin, "Device unhealthy");
    cameras.set("video13", "ok");
    cameras.notify();
    await said(plugin, "Device healthy");
    await scenario.allocate("video99");
    await admin.resetDevice({ deviceId: "video12", force: true });
    await admin.cordonDevice({ deviceId: "video12", note: "dark" });
    scenario.kubelet.removePod("a");
    await said(plugin, "Device released by pod");
    await said(plugin, "Device reset");
    scenario.kubelet.stop({ removeSockets: true });
    await said(plugin, "Registration ended");
    await scenario.kubelet.start();
    await scenario.counts(4, 3);
    await plugin.stop();

    const logged = events(plugin).filter(isChange);
    expect(logged.filter((line) => !isExplained(line))).toEqual([]);
    const stories = new Set(logged.map(({ msg }) => msg));
    for (const story of [
      "Registered with the kubelet",
      "Registration ended",
      "Device allocated",
      "Devices prepared for container start",
      "Device owned by pod",
      "Device released by pod",
      "Device reset",
      "Device unhealthy",
      "Device healthy",
      "Device reset failed",
      "Device cordoned",
      "Allocation refused",
      "Devices removed",
    ]) {
      expect(stories).toContain(story);
    }
  });

  test("even the end of a registration by a stop", async () => {
    const plugin = await scenario.started(scenario.cameras(1));
    await plugin.stop();
    expect(events(plugin).find(({ msg }) => msg === "Registration ended")).toMatchObject({
      level: "info",
      fields: { reason: "stopping", next: expect.any(String), lived_ms: expect.any(Number) },
    });
  });
});

/** True for an event of a device, of several devices, or of the registration. */
function isChange({ msg, fields }: LogLine): boolean {
  return (
    "device_id" in fields || "device_ids" in fields || /registration|register|kubelet/i.test(msg)
  );
}

/** An error's code is a reason, too. */
function isExplained({ fields }: LogLine): boolean {
  const { reason, error_code: code, next } = fields;
  return [reason ?? code, next].every((text) => typeof text === "string" && text !== "");
}
