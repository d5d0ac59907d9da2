import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { aWhile, CameraNode } from "./camera-node.ts";
import { eventually, type RunningPlugin } from "./harness.ts";

const other = "example.com/cameras";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

/** A plugin with the same devices under another resource name. */
function startOther(driver = scenario.cameras(2, true)): RunningPlugin {
  const own = {
    "socket-path": join(scenario.dir, "other.sock"),
    "admin-socket": join(scenario.directory, "other.admin.sock"),
    "state-dir": join(scenario.directory, "other-state"),
  };
  return scenario.startPlugin(
    { ...own, "resource-name": other, "max-devices": String(driver.devices.length) },
    { driver },
  );
}

/** Waits until the kubelet can allocate so many devices of the other resource. */
function offersOther(allocatable: number): Promise<void> {
  const count = () => scenario.kubelet.resources(other).allocatable;
  return eventually(() => count() === allocatable, `${allocatable} of ${other}`);
}

function podOfOther(name: string) {
  return scenario.kubelet.addPod({ name, containers: [{ name: "c", devices: { [other]: 1 } }] });
}

describe("a device that a pod owns under another resource name", () => {
  test("is neither reset nor offered by a plugin that was renamed, until that pod has ended", async () => {
    const before = await scenario.started(scenario.cameras(2));
    await scenario.pod("a");
    await before.stop();
    const driver = scenario.cameras(2, true);
    const renamed = startOther(driver);
    await offersOther(1);
    expect(scenario.kubelet.devices(other)).toEqual({ video10: "Unhealthy", video11: "Healthy" });
    expect((await podOfOther("b")).phase).toBe("Running");
    expect(scenario.kubelet.allocations(other)["b"]).toEqual(["video11"]);
    await Bun.sleep(aWhile);
    expect(driver.resets).not.toContain("video10");
    expect((await podOfOther("c")).phase).toBe("Failed");
    const [device] = renamed.plugin.actions.status().devices;
    expect(device).toMatchObject({
      healthy: false,
      reason: "other_resource",
      detail: `The pod default/a owns it under the resource name ${scenario.kubelet.resourceName}.`,
    });
    expect(device?.owner).toBeUndefined();
    scenario.kubelet.removePod("a");
    await offersOther(2);
    await eventually(() => driver.resets.includes("video10"), "the reset after the pod");
    expect((await podOfOther("d")).phase).toBe("Running");
    expect(scenario.kubelet.allocations(other)["d"]).toEqual(["video10"]);
  });

  test("is not offered by a second release with the same numbers either", async () => {
    const first = await scenario.started(scenario.cameras(2));
    const second = startOther();
    await offersOther(2);
    await scenario.pod("a");
    await offersOther(1);
    await podOfOther("b");
    expect(scenario.kubelet.allocations(other)["b"]).toEqual(["video11"]);
    await scenario.counts(2, 1);
    const reasons = ({ plugin }: RunningPlugin) =>
      plugin.actions.status().devices.map(({ reason }) => reason);
    expect(reasons(first)).toEqual(["ok", "other_resource"]);
    expect(reasons(second)).toEqual(["other_resource", "ok"]);
    const offers = ({ plugin }: RunningPlugin) => plugin.actions.status().otherOffers;
    await eventually(() => offers(second).length > 0, "the first release in the second's status");
    expect(offers(second)).toMatchObject([
      {
        resourceName: scenario.kubelet.resourceName,
        deviceIds: expect.arrayContaining(["video10"]),
      },
    ]);
    const named = second.log.lines.filter(({ msg }) => msg.startsWith("Another plugin offers"));
    expect(named.map(({ level, fields }) => [level, fields["other_resource"]])).toEqual([
      ["warn", scenario.kubelet.resourceName],
    ]);
  });
});
