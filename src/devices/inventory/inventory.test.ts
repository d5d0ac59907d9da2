import { describe, expect, test } from "bun:test";
import { deviceIds } from "../../../test/support/devices.ts";
import { FakeDriver, observation } from "../../../test/support/fake-driver.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import type { PodDevice } from "../../common/pod-device.ts";
import { PodNumbers } from "../usage/pod-numbers.ts";
import type { DeviceUse } from "../usage/usage.ts";
import { type DeviceChange, Inventory } from "./inventory.ts";

function setUp() {
  const driver = new FakeDriver();
  const ignoring = new Set<string>();
  let used: (ids: readonly string[]) => void = () => undefined;
  const subscribe = (listener: typeof used) => {
    used = listener;
    return () => undefined;
  };
  const others = new Map<string, PodDevice>();
  const usage = {
    ignoresUserTraces: (id: string) => ignoring.has(id),
    podOf: (id: string) => others.get(id),
    useUnlessOpen: (id: string): DeviceUse => (others.has(id) ? "in_use" : "free"),
    subscribe,
  };
  const numbers = new PodNumbers();
  const inventory = new Inventory(driver.devices, { usage, numbers, clock: new ManualClock() });
  const changes: (readonly DeviceChange[])[] = [];
  const unsubscribe = inventory.subscribe((change) => changes.push(change));
  const see = (reason: Parameters<typeof observation>[1], ...ids: string[]) =>
    inventory.observe(ids.map((id) => observation(id, reason)));
  return {
    inventory,
    numbers,
    changes,
    see,
    unsubscribe,
    ignoring,
    others,
    used: (id: string) => used([id]),
  };
}

describe("the inventory", () => {
  test("lists every device from the start, all Unhealthy", () => {
    const { inventory } = setUp();
    expect(inventory.list().map(({ id }) => id)).toEqual(deviceIds());
    expect(new Set(inventory.list().map(({ health }) => health))).toEqual(new Set(["Unhealthy"]));
  });

  test("lists all of them when an inspection saw only some", () => {
    const { inventory, see } = setUp();
    see("ok", ...deviceIds());
    see("ok", "video10");
    see("missing", "video11");
    expect(inventory.list()).toHaveLength(8);
  });

  test("calls listeners once for an inspection that changed several devices", () => {
    const { changes, see } = setUp();
    see("ok", "video10", "video11");
    expect(changes).toHaveLength(1);
    expect(changes[0]?.map(({ after }) => after.id)).toEqual(["video10", "video11"]);
  });

  test("calls no listener when an inspection changed nothing", () => {
    const { changes, see } = setUp();
    see("ok", "video10");
    see("ok", "video10");
    expect(changes).toHaveLength(1);
  });

  test("ignores observations of devices that aren't its own", () => {
    const { inventory, changes, see } = setUp();
    see("ok", "video99");
    expect(changes).toHaveLength(0);
    expect(inventory.get("video99")).toBeUndefined();
  });

  test("calls no listener that has unsubscribed", () => {
    const { changes, see, unsubscribe } = setUp();
    unsubscribe();
    see("ok", "video10");
    expect(changes).toHaveLength(0);
  });

  test("doesn't offer a device while a pod owns it under another resource name", () => {
    const { inventory, see, others, used } = setUp();
    see("ok", "video10", "video11");
    others.set("video10", { pod: "default/a", otherResource: "example.com/old" });
    used("video10");
    expect(inventory.get("video10")).toMatchObject({
      health: "Unhealthy",
      reason: "other_resource",
      detail: "The pod default/a owns it under the resource name example.com/old.",
    });
    expect(inventory.get("video11")?.health).toBe("Healthy");
    others.clear();
    used("video10");
    expect(inventory.get("video10")?.reason).toBe("ok");
  });

  test("doesn't offer a device with the number that another device's pod may have, whenever that becomes known", () => {
    const { inventory, numbers } = setUp();
    const seen = { ...observation("video12", "ok"), deviceNumber: "81:0" };
    inventory.observe([seen]);
    expect(inventory.get("video12")?.health).toBe("Healthy");
    numbers.restore(new Map([["video10", new Set(["81:0"])]]));
    expect(inventory.get("video12")?.reason).toBe("minor_in_use");
    inventory.observe([{ ...seen, deviceNumber: "81:2" }]);
    expect(inventory.get("video12")?.reason).toBe("ok");
  });

  test("doesn't offer a device that is held, and offers it again at once when it is released", () => {
    const { inventory, see, changes } = setUp();
    see("ok", "video10");
    inventory.hold("video10", "unclean", "why");
    expect(inventory.get("video10")).toMatchObject({
      health: "Unhealthy",
      reason: "unclean",
      detail: "why",
    });
    expect(changes).toHaveLength(2);
    see("ok", "video10");
    expect(inventory.get("video10")?.reason).toBe("unclean");
    inventory.release("video10", "unclean");
    expect(inventory.get("video10")?.health).toBe("Healthy");
    expect(changes).toHaveLength(3);
  });

  test("changes a status at once when the use of its device does", () => {
    const { inventory, see, changes, ignoring, used } = setUp();
    see("stuck_writer", "video10");
    expect(inventory.get("video10")?.reason).toBe("stuck_writer");
    ignoring.add("video10");
    used("video10");
    expect(inventory.get("video10")?.health).toBe("Healthy");
    expect(changes).toHaveLength(2);
  });

  test("holds a device for each reason by itself, and shows the operator's first", () => {
    const { inventory, see } = setUp();
    see("ok", "video10");
    inventory.hold("video10", "unclean", "why");
    inventory.hold("video10", "cordoned", "lens");
    expect(inventory.get("video10")).toMatchObject({ reason: "cordoned", detail: "lens" });
    inventory.release("video10", "cordoned");
    expect(inventory.get("video10")).toMatchObject({ reason: "unclean", detail: "why" });
    inventory.hold("video10", "cordoned", "lens");
    inventory.release("video10", "unclean");
    expect(inventory.get("video10")?.reason).toBe("cordoned");
    inventory.release("video10", "cordoned");
    expect(inventory.get("video10")?.health).toBe("Healthy");
  });

  test("holds a device that is not inspected yet from the first inspection on", () => {
    const { inventory, see, changes } = setUp();
    inventory.hold("video10", "cordoned", "lens");
    expect(inventory.get("video10")?.reason).toBe("unknown");
    see("ok", "video10", "video11");
    expect(changes.flat().map(({ after }) => after.reason)).toEqual(["cordoned", "ok"]);
  });

  test("remembers what is streamed, over a hold as well", () => {
    const { inventory, see } = setUp();
    inventory.observe([{ ...observation("video10", "ok"), format: "YUYV 640x480 30 fps" }]);
    inventory.hold("video10", "cordoned", "lens");
    expect(inventory.get("video10")?.format).toBe("YUYV 640x480 30 fps");
    see("ok", "video10");
    expect(inventory.get("video10")?.format).toBe("");
  });

  test("shows other trouble of a held device", () => {
    const { inventory, see } = setUp();
    see("missing", "video10");
    inventory.hold("video10", "unclean", "why");
    expect(inventory.get("video10")?.reason).toBe("missing");
    see("ok", "video10");
    expect(inventory.get("video10")?.reason).toBe("unclean");
  });
});
