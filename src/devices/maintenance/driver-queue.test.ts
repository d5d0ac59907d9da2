import { describe, expect, test } from "bun:test";
import { codeOf } from "../../../test/support/code-of.ts";
import { FakeDriver } from "../../../test/support/fake-driver.ts";
import { makeDevices } from "../../../test/support/make-devices.ts";
import { ManualClock, settle } from "../../../test/support/manual-clock.ts";
import { PluginError } from "../../common/plugin-error.ts";

function setUp() {
  const driver = new FakeDriver();
  const clock = new ManualClock();
  const { queue } = makeDevices({ driver, clock });
  const reset = (id: string) =>
    queue.run({ what: `the reset of ${id}`, devices: [id] }, (turn) => turn.maintain("reset", id));
  return { driver, clock, queue, reset };
}

describe("the driver's queue", () => {
  test("runs one piece of work after the other, in the order asked for", async () => {
    const { driver, queue, reset } = setUp();
    const first = Promise.withResolvers<void>();
    driver.onReset = (id) => (id === "video10" ? first.promise : Promise.resolve());
    const done = Promise.all([reset("video10"), queue.inspect(), reset("video11")]);
    await settle();
    expect(driver.calls).toEqual(["reset video10"]);
    first.resolve();
    await done;
    expect(driver.calls).toEqual([
      "reset video10",
      "inspect",
      "inspect",
      "reset video11",
      "inspect",
    ]);
  });

  test("goes on after work that failed", async () => {
    const { driver, queue, reset } = setUp();
    driver.onReset = async () => {
      throw new PluginError("reset_failed", "no");
    };
    expect(await codeOf(reset("video10"))).toBe("reset_failed");
    await queue.inspect();
    expect(queue.busy()).toBeUndefined();
  });

  test("knows which devices its work is about, and which of them is being reset", async () => {
    const { driver, queue } = setUp();
    const hang = Promise.withResolvers<void>();
    driver.onReset = () => hang.promise;
    const work = { what: "the cleaning of video10, video11", devices: ["video10", "video11"] };
    const done = queue.run(work, (turn) => turn.maintain("reset", "video11"));
    await settle();
    const ids = ["video10", "video11", "video12"];
    expect(ids.map((id) => queue.isWorkingOn(id))).toEqual([true, true, false]);
    expect(ids.map((id) => queue.maintenanceOf(id))).toEqual([undefined, "reset", undefined]);
    hang.resolve();
    await done;
    expect(ids.map((id) => queue.isWorkingOn(id))).toEqual([false, false, false]);
  });

  test("never begins work whose caller has stopped waiting for its turn", async () => {
    const { driver, clock, queue, reset } = setUp();
    const hang = Promise.withResolvers<void>();
    driver.onReset = () => hang.promise;
    const first = reset("video10");
    const late = queue.run({ what: "the cleaning of video11", timeoutMs: 2000 }, (turn) =>
      turn.maintain("reset", "video11"),
    );
    const refused = late.catch(PluginError.from);
    await settle();
    await clock.advance(2000);
    expect(await refused).toMatchObject({
      code: "timed_out",
      message: "The cleaning of video11 took longer than 2 s.",
    });
    hang.resolve();
    await first;
    await queue.inspect();
    expect(driver.calls.filter((call) => call.startsWith("reset"))).toEqual(["reset video10"]);
  });

  test("lets work see that its caller no longer waits", async () => {
    const { driver, clock, queue } = setUp();
    driver.onReset = () => clock.sleep(1500);
    const late = queue.run({ what: "the cleaning of all", timeoutMs: 2000 }, async (turn) => {
      for (const { id } of driver.devices) if (!turn.isOver) await turn.maintain("reset", id);
    });
    const code = codeOf(late);
    await settle();
    for (let step = 0; step < 8; step++) await clock.advance(500);
    expect(await code).toBe("timed_out");
    expect(driver.calls.filter((call) => call.startsWith("reset"))).toHaveLength(2);
  });

  test("keeps changes from a driver that hangs, lets inspections through, and says what hangs for how long", async () => {
    const { driver, clock, queue, reset } = setUp();
    const hang = Promise.withResolvers<void>();
    driver.onReset = () => hang.promise;
    const code = codeOf(reset("video10"));
    await settle();
    await clock.advance(5000);
    expect(await code).toBe("timed_out");
    expect(await codeOf(reset("video11"))).toBe("device_hangs");
    const ensure = queue.run({ what: "a round" }, (turn) => turn.ensure({}));
    expect(await codeOf(ensure)).toBe("device_hangs");
    await queue.inspect();
    await clock.advance(56_000);
    expect(queue.busy()).toEqual({ what: "the reset of video10", ms: 61_000 });
    hang.resolve();
    await settle();
    expect(queue.busy()).toBeUndefined();
    driver.onReset = async () => undefined;
    expect(await codeOf(reset("video11"))).toBeUndefined();
  });
});
