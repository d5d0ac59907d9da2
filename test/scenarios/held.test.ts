import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Code } from "@connectrpc/connect";
import { PluginError } from "../../src/common/plugin-error.ts";
import { Use } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { aWhile, CameraNode } from "./camera-node.ts";
import { eventually, quickMaintenance } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

describe("a device that a process of the host holds open", () => {
  test("costs one of eighty pods, is shown with the process, and is back soon after it was closed", async () => {
    const driver = scenario.cameras();
    // No look of the plugin's own comes before the pods.
    const times = { ...quickMaintenance, graceMs: 60_000, reallocateMs: 0 };
    const { plugin, log } = await scenario.started(driver, {}, times);
    driver.open?.add("video13");
    driver.holder = "pipewire (process 812)";
    let failed = 0;
    for (let n = 0; n < 80; n++) {
      const { phase } = await scenario.pod(`pod-${n}`);
      if (phase === "Failed") failed += 1;
      scenario.kubelet.removePod(`pod-${n}`);
    }
    expect(failed).toBe(1);
    await scenario.counts(8, 7);
    const { devices } = plugin.actions.status();
    expect(devices.find(({ id }) => id === "video13")).toMatchObject({
      ...{ healthy: false, reason: "held", use: Use.IN_USE },
      detail: "It is held open by pipewire (process 812), of no pod that the kubelet lists.",
    });
    expect(log.lines.filter(({ msg }) => msg === "Device held open")).toMatchObject([
      { level: "warn", fields: { device_id: "video13", reason: "held" } },
    ]);
    driver.open?.delete("video13");
    await scenario.counts(8, 8);
    expect(driver.resets).toContain("video13");
  });

  test("leaves the offer without any pod, and no device of a pod does", async () => {
    const driver = scenario.cameras();
    await scenario.started(driver);
    await scenario.pod("a");
    for (const id of ["video10", "video15"]) driver.open?.add(id);
    await scenario.counts(8, 7);
    await Bun.sleep(aWhile);
    expect(scenario.kubelet.devices()).toMatchObject({ video10: "Healthy", video15: "Unhealthy" });
    driver.open?.delete("video15");
    await scenario.counts(8, 8);
  });

  test("is offered again once closed while the kubelet does not say who owns what", async () => {
    const driver = scenario.cameras();
    const options = { "pod-resources-socket": "/nowhere/kubelet.sock" };
    await scenario.started(driver, options);
    driver.open?.add("video10");
    expect(await scenario.allocate("video10")).toBe(Code.FailedPrecondition);
    await scenario.counts(8, 7);
    driver.open?.delete("video10");
    await scenario.counts(8, 8);
  });

  test("is not allocated where devices can't be reset either, and is back once it is closed", async () => {
    const driver = scenario.cameras(8, true, "unavailable");
    await scenario.started(driver);
    driver.open?.add("video10");
    expect(await scenario.allocate("video10")).toBe(Code.FailedPrecondition);
    await scenario.counts(8, 7);
    driver.open?.delete("video10");
    await scenario.counts(8, 8);
    expect(await scenario.allocate("video10")).toBeUndefined();
  });

  test("leaves the offer where opens can't be seen, until a reset succeeds", async () => {
    const driver = scenario.cameras(8, true);
    driver.open = undefined;
    const works = driver.onReset;
    driver.onReset = async () => {
      throw new PluginError("device_busy", "A process holds it open.");
    };
    await scenario.started(driver, {}, { ...quickMaintenance, graceMs: 60_000 });
    expect(await scenario.allocate("video10")).toBe(Code.FailedPrecondition);
    await scenario.counts(8, 7);
    driver.onReset = works;
    await scenario.counts(8, 8);
  });
});

test("a process that opens a new device for a moment costs no pod, and changes no device list", async () => {
  const driver = scenario.cameras();
  const times = { ...quickMaintenance, closeMs: 10_000, graceMs: 10_000 };
  await scenario.started(driver, {}, times);
  const lists = scenario.count("list_received");
  driver.open?.add("video10");
  const looks: string[] = [];
  driver.isOpen = async (id) => {
    looks.push(id);
    return driver.open?.has(id);
  };
  const pod = scenario.pod("a");
  await eventually(() => looks.filter((id) => id === "video10").length > 2, "looks");
  driver.open?.delete("video10");
  expect((await pod).phase).toBe("Running");
  expect(driver.resets).toEqual(["video10"]);
  expect(scenario.count("list_received")).toBe(lists);
});
