import { describe, expect, test } from "bun:test";
import type { LogLevel } from "../common/logger.ts";
import { createLogger } from "./log.ts";
import { changeLogLevel, toggledLevel } from "./log-level.ts";

function setUp(level: LogLevel) {
  const written: string[] = [];
  const log = createLogger({ format: "json", level, write: (text) => written.push(text) });
  return { log, written: () => written.map((line) => JSON.parse(line)) };
}

describe("the log level", () => {
  test("is what counts from its change on", () => {
    const { log, written } = setUp("info");
    log.debug("unheard");
    expect(changeLogLevel(log, log, "debug", "a test")).toBe("info");
    log.debug("heard");
    expect(log.level).toBe("debug");
    expect(written()).toMatchObject([
      { msg: "Log level changed", level: "INFO", log_level: "debug", was: "info", by: "a test" },
      { msg: "heard" },
    ]);
  });

  for (const [from, to] of [
    ["info", "error"],
    ["error", "warn"],
    ["warn", "error"],
    ["error", "debug"],
  ] as const) {
    test(`tells of its change from ${from} to ${to} in one line`, () => {
      const { log, written } = setUp(from);
      changeLogLevel(log, log, to, "a test");
      expect(written()).toHaveLength(1);
      expect(log.level).toBe(to);
    });
  }

  test("that stays as it is says nothing", () => {
    const { log, written } = setUp("info");
    changeLogLevel(log, log, "info", "a test");
    expect(written()).toEqual([]);
  });

  test("is toggled to debug and back to what it was at the start", () => {
    expect(toggledLevel("warn", "warn")).toBe("debug");
    expect(toggledLevel("debug", "warn")).toBe("warn");
    expect(toggledLevel("debug", "debug")).toBe("info");
    expect(toggledLevel("info", "debug")).toBe("debug");
  });
});
