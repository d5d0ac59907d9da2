import { describe, expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { Journal, withJournal } from "./journal.ts";

describe("the journal", () => {
  test("has the last events, newest first, up to its limit", () => {
    const journal = new Journal(3);
    for (let n = 0; n < 5; n++) journal.add("info", `event ${n}`);
    expect(journal.events().map(({ msg }) => msg)).toEqual(["event 4", "event 3", "event 2"]);
  });

  test("keeps events at info level and above, and passes all on", () => {
    const journal = new Journal();
    const recorder = recordingLogger();
    const log = withJournal(recorder, journal);
    log.debug("d", { n: 1 });
    log.info("i");
    log.warn("w", { n: 2 });
    log.error("e");
    expect(recorder.lines.map(({ msg }) => msg)).toEqual(["d", "i", "w", "e"]);
    expect(journal.events().map(({ level, msg }) => [level, msg])).toEqual([
      ["error", "e"],
      ["warn", "w"],
      ["info", "i"],
    ]);
  });

  test("has fields of any kind as text", () => {
    const journal = new Journal();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    journal.add("warn", "m", {
      text: "a",
      n: 1,
      list: ["video10", "video11"],
      none: undefined,
      error: new Error("boom"),
      big: 1n,
      object: { a: 1 },
      circle,
    });
    expect(journal.events()[0]?.fields).toEqual({
      text: "a",
      n: "1",
      list: "video10,video11",
      error: "boom",
      big: "1",
      object: '{"a":1}',
      circle: "[object Object]",
    });
  });

  test("is bounded, however long an event is", () => {
    const journal = new Journal();
    const fields = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`field_${n}`, "x".repeat(10_000)]),
    );
    journal.add("error", "m".repeat(10_000), fields);
    const [event] = journal.events();
    expect(event?.msg).toHaveLength(300);
    expect(Object.keys(event?.fields ?? {}).length).toBeLessThanOrEqual(48);
    expect(event?.fields["field_0"]).toHaveLength(300);
  });

  test("notifies listeners until they unsubscribe", () => {
    const journal = new Journal();
    let notified = 0;
    const unsubscribe = journal.subscribe(() => notified++);
    journal.add("info", "a");
    unsubscribe();
    journal.add("info", "b");
    expect(notified).toBe(1);
  });
});
