import { describe, expect, test } from "bun:test";
import { FakeDriver } from "../../test/support/fake-driver.ts";
import { ManualClock, settle } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { type RemovalFacts, removeDevices, whyKept } from "./removal.ts";

const idle: RemovalFacts = { made: true, given: false, listed: false, open: false };

describe("a device at the end of the process", () => {
  test("goes if we made it and it is known that nobody uses it", () => {
    expect(whyKept(idle)).toBeUndefined();
  });

  test("stays in every other case", () => {
    const others: Partial<RemovalFacts>[] = [
      { made: false },
      { given: true },
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
      { driver, clock, log },
    );
    await settle();
    await clock.advance(3000);
    await done;
    expect(log.lines.at(-1)?.fields).toEqual({ device_ids: ["video10"] });
  });
});
