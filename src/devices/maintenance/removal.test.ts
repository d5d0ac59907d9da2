import { describe, expect, test } from "bun:test";
import { FakeDriver } from "../../../test/support/fake-driver.ts";
import { ManualClock, settle } from "../../../test/support/manual-clock.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { type RemovalFacts, removeDevices, whyKept } from "./removal.ts";

const idle: RemovalFacts = { wasCreated: true, mayBeAllocated: false, listed: false, open: false };

describe("a device at the end of the process", () => {
  test("is removed if this process created it and it is known to be free", () => {
    expect(whyKept(idle)).toBeUndefined();
  });

  test("is kept in every other case", () => {
    const others: Partial<RemovalFacts>[] = [
      { wasCreated: false },
      { mayBeAllocated: true },
      { listed: true },
      { listed: undefined },
      { open: true },
      { open: undefined },
    ];
    for (const fact of others) expect(whyKept({ ...idle, ...fact })).toBeString();
  });

  test("is not waited for without end", async () => {
    const driver = new FakeDriver(2);
    const clock = new ManualClock();
    const log = recordingLogger();
    const done = removeDevices(
      ["video10", "video11"],
      (id) => (id === "video11" ? new Promise(() => undefined) : Promise.resolve(idle)),
      { turn: driver, isSingle: true, clock, log },
    );
    await settle();
    await clock.advance(3000);
    await done;
    expect(log.lines.at(-1)?.fields).toMatchObject({ device_ids: ["video10"] });
  });

  const end = async (driver: FakeDriver, found: (id: string) => RemovalFacts) => {
    const log = recordingLogger();
    const ids = driver.devices.map(({ id }) => id);
    const isSingle = driver.canRemove;
    const deps = { turn: driver, isSingle, clock: new ManualClock(), log };
    await removeDevices(ids, async (id) => found(id), deps);
    return log.lines.map(({ msg }) => msg);
  };

  test("is removed before what was loaded for it", async () => {
    const driver = new FakeDriver(2);
    await end(driver, () => idle);
    expect(driver.calls).toEqual(["remove video10", "remove video11", "release"]);
  });

  test("that is kept keeps what was loaded for it", async () => {
    const driver = new FakeDriver(2);
    await end(driver, (id) => ({ ...idle, listed: id === "video11" }));
    expect(driver.calls).toEqual(["remove video10"]);
  });

  test("that was removed is logged, and nothing is if none was", async () => {
    expect(await end(new FakeDriver(2), () => idle)).toContain("Devices removed");
    const kept = await end(new FakeDriver(2), () => ({ ...idle, listed: true }));
    expect(kept).toEqual(["Device kept", "Device kept"]);
  });

  test("that could not be removed keeps what was loaded for it", async () => {
    const driver = new FakeDriver(2);
    driver.open?.add("video10");
    expect(await end(driver, () => idle)).toContain("Device could not be removed");
    expect(driver.calls).not.toContain("release");
  });

  test("that this process did not create keeps nothing", async () => {
    const driver = new FakeDriver(2);
    await end(driver, (id) => ({ ...idle, wasCreated: id === "video11" }));
    expect(driver.calls).toEqual(["remove video11", "release"]);
  });

  test("is removed with all others where single ones can't be removed", async () => {
    const driver = new FakeDriver(2);
    driver.canRemove = false;
    await end(driver, () => idle);
    expect(driver.calls).toEqual(["release"]);
  });

  test("is kept with one that is in use where single ones can't be removed", async () => {
    const driver = new FakeDriver(2);
    driver.canRemove = false;
    const said = await end(driver, (id) => ({ ...idle, open: id === "video11" }));
    expect(driver.calls).toEqual([]);
    expect(said).toContain("Devices kept");
  });

  test("is kept there, too, with one that a pod owns and that this process did not create", async () => {
    const used = [{ listed: true }, { mayBeAllocated: true }, { open: true }, { open: undefined }];
    for (const facts of [...used, { listed: undefined }] as const) {
      const driver = new FakeDriver(2);
      driver.canRemove = false;
      await end(driver, (id) =>
        id === "video11" ? { ...idle, wasCreated: false, ...facts } : idle,
      );
      expect(driver.calls).toEqual([]);
    }
  });

  test("is removed there, too, beside a free one that this process did not create", async () => {
    const driver = new FakeDriver(2);
    driver.canRemove = false;
    await end(driver, (id) => ({ ...idle, wasCreated: id === "video11" }));
    expect(driver.calls).toEqual(["release"]);
  });
});
