import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ManualClock, settle } from "../../test/support/manual-clock.ts";
import { type Status, StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { watchStatus } from "./watch.ts";

function setUp() {
  const clock = new ManualClock();
  const listeners = new Set<() => void>();
  const source = { version: "0", made: 0 };
  const stop = new AbortController();
  const statuses = watchStatus(
    {
      status: () => {
        source.made++;
        const observedAt = timestampFromMs(clock.now());
        return create(StatusSchema, { version: source.version, observedAt });
      },
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    clock,
    stop.signal,
  );
  return {
    clock,
    listeners,
    source,
    stop,
    statuses,
    change: (version: string) => {
      source.version = version;
      for (const listener of listeners) listener();
    },
    /** Asks for the next one without waiting; `seen` has it once it is there. */
    next: () => {
      const asked: { seen: string | undefined } = { seen: undefined };
      void statuses.next().then(({ value, done }) => {
        asked.seen = done ? "end" : (value as Status).version;
      });
      return asked;
    },
  };
}

describe("a watch of the status", () => {
  test("yields the first status at once and the next after a change, at least 100 ms later", async () => {
    const { clock, change, next } = setUp();
    const first = next();
    await settle();
    expect(first.seen).toBe("0");
    const second = next();
    change("1");
    await clock.advance(99);
    expect(second.seen).toBeUndefined();
    await clock.advance(1);
    expect(second.seen).toBe("1");
  });

  test("yields nothing while only time passes, and notices a change without a notification", async () => {
    const { clock, source, next } = setUp();
    next();
    await settle();
    const second = next();
    for (let n = 0; n < 20; n++) await clock.advance(1000);
    expect(second.seen).toBeUndefined();
    source.version = "1";
    await clock.advance(1000);
    expect(second.seen).toBe("1");
  });

  test("builds no status for a slow reader, who then gets the newest", async () => {
    const { clock, change, source, next } = setUp();
    next();
    await settle();
    for (let n = 1; n <= 1000; n++) change(`${n}`);
    await clock.advance(100);
    expect(source.made).toBe(1);
    const second = next();
    await settle();
    await clock.advance(100);
    expect([second.seen, source.made]).toEqual(["1000", 2]);
  });

  test("ends when its signal aborts, and unsubscribes", async () => {
    const { stop, listeners, next } = setUp();
    next();
    await settle();
    const second = next();
    await settle();
    stop.abort();
    await settle();
    expect([second.seen, listeners.size]).toEqual(["end", 0]);
  });

  test("unsubscribes when its reader stops", async () => {
    const { statuses, listeners, next } = setUp();
    next();
    await settle();
    await statuses.return(undefined);
    expect(listeners.size).toBe(0);
  });
});
