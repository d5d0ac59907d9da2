import { describe, expect, test } from "bun:test";
import { deviceIds } from "../../../test/support/devices.ts";
import { FakeDriver } from "../../../test/support/fake-driver.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { type DeviceChange, Inventory } from "./inventory.ts";

function setUp() {
  const driver = new FakeDriver();
  const pool = new Inventory(driver.devices, new ManualClock());
  const changes: (readonly DeviceChange[])[] = [];
  const unsubscribe = pool.subscribe((change) => changes.push(change));
  const see = (state: "ok" | "missing", ...ids: string[]) =>
    pool.apply(ids.map((id) => ({ id, state, detail: state })));
  return { pool, changes, see, unsubscribe };
}

describe("the device pool", () => {
  test("lists every device from the start, all Unhealthy", () => {
    const { pool } = setUp();
    expect(pool.list().map(({ id }) => id)).toEqual(deviceIds());
    expect(new Set(pool.list().map(({ health }) => health))).toEqual(new Set(["Unhealthy"]));
  });

  test("keeps listing all of them when some are seen no more", () => {
    const { pool, see } = setUp();
    see("ok", ...deviceIds());
    see("ok", "video10");
    see("missing", "video11");
    expect(pool.list()).toHaveLength(8);
  });

  test("tells listeners once for an inspection that changed several devices", () => {
    const { changes, see } = setUp();
    see("ok", "video10", "video11");
    expect(changes).toHaveLength(1);
    expect(changes[0]?.map(({ after }) => after.id)).toEqual(["video10", "video11"]);
  });

  test("is silent when an inspection changed nothing", () => {
    const { changes, see } = setUp();
    see("ok", "video10");
    see("ok", "video10");
    expect(changes).toHaveLength(1);
  });

  test("ignores what is said of devices that aren't its own", () => {
    const { pool, changes, see } = setUp();
    see("ok", "video99");
    expect(changes).toHaveLength(0);
    expect(pool.get("video99")).toBeUndefined();
  });

  test("stops telling who has unsubscribed", () => {
    const { changes, see, unsubscribe } = setUp();
    unsubscribe();
    see("ok", "video10");
    expect(changes).toHaveLength(0);
  });

  test("doesn't offer a device that is held, and offers it again at the look after its release", () => {
    const { pool, see, changes } = setUp();
    see("ok", "video10");
    pool.hold("video10", { reason: "unclean", detail: "why" });
    expect(pool.get("video10")).toMatchObject({
      health: "Unhealthy",
      reason: "unclean",
      detail: "why",
    });
    expect(changes).toHaveLength(2);
    see("ok", "video10");
    expect(pool.get("video10")?.reason).toBe("unclean");
    pool.release("video10", "unclean");
    see("ok", "video10");
    expect(pool.get("video10")?.health).toBe("Healthy");
  });

  test("holds a device for each reason by itself, and shows the operator's first", () => {
    const { pool, see } = setUp();
    see("ok", "video10");
    pool.hold("video10", { reason: "unclean", detail: "why" });
    pool.hold("video10", { reason: "cordoned", detail: "lens" });
    expect(pool.get("video10")).toMatchObject({ reason: "cordoned", detail: "lens" });
    pool.release("video10", "cordoned");
    see("ok", "video10");
    expect(pool.get("video10")).toMatchObject({ reason: "unclean", detail: "why" });
    pool.hold("video10", { reason: "cordoned", detail: "lens" });
    pool.release("video10", "unclean");
    see("ok", "video10");
    expect(pool.get("video10")?.reason).toBe("cordoned");
    pool.release("video10", "cordoned");
    see("ok", "video10");
    expect(pool.get("video10")?.health).toBe("Healthy");
  });

  test("holds a device that nobody has looked at yet from the first look on", () => {
    const { pool, see, changes } = setUp();
    pool.hold("video10", { reason: "cordoned", detail: "lens" });
    expect(pool.get("video10")?.reason).toBe("unknown");
    see("ok", "video10", "video11");
    expect(changes.flat().map(({ after }) => after.reason)).toEqual(["cordoned", "ok"]);
  });

  test("remembers what is streamed, over a hold as well", () => {
    const { pool, see } = setUp();
    pool.apply([{ id: "video10", state: "ok", detail: "", format: "YUYV 640x480 30 fps" }]);
    pool.hold("video10", { reason: "cordoned", detail: "lens" });
    expect(pool.get("video10")?.format).toBe("YUYV 640x480 30 fps");
    see("ok", "video10");
    expect(pool.get("video10")?.format).toBe("");
  });

  test("shows other trouble of a held device", () => {
    const { pool, see } = setUp();
    see("missing", "video10");
    pool.hold("video10", { reason: "unclean", detail: "why" });
    expect(pool.get("video10")?.reason).toBe("missing");
    see("ok", "video10");
    expect(pool.get("video10")?.reason).toBe("unclean");
  });
});
