import { describe, expect, test } from "bun:test";
import { type LogLevel, logLevels } from "../common/logger.ts";
import { LogLevel as ProtoLevel } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { createLogger } from "./log.ts";
import {
  changeLogLevel,
  fromProtoLevel,
  levelWord,
  parseProtoLevel,
  toggledLevel,
  toProtoLevel,
} from "./log-level.ts";

function setUp(level: LogLevel) {
  const written: string[] = [];
  const log = createLogger({ format: "json", level, write: (text) => written.push(text) });
  return { log, written: () => written.map((line) => JSON.parse(line)) };
}

describe("the log level", () => {
  test("applies from its change on", () => {
    const { log, written } = setUp("info");
    log.debug("before");
    expect(changeLogLevel(log, log, "debug", "a test")).toBe("info");
    log.debug("after");
    expect(log.level).toBe("debug");
    expect(written()).toMatchObject([
      { msg: "Log level changed", level: "INFO", log_level: "debug", was: "info", by: "a test" },
      { msg: "after" },
    ]);
  });

  for (const [from, to] of [
    ["info", "error"],
    ["error", "warn"],
    ["warn", "error"],
    ["error", "debug"],
  ] as const) {
    test(`is logged in one line when it changes from ${from} to ${to}`, () => {
      const { log, written } = setUp(from);
      changeLogLevel(log, log, to, "a test");
      expect(written()).toHaveLength(1);
      expect(log.level).toBe(to);
    });
  }

  test("is not logged when it stays the same", () => {
    const { log, written } = setUp("info");
    changeLogLevel(log, log, "info", "a test");
    expect(written()).toEqual([]);
  });

  test("is toggled to debug and back to the level at the start", () => {
    expect(toggledLevel("warn", "warn")).toBe("debug");
    expect(toggledLevel("debug", "warn")).toBe("warn");
    expect(toggledLevel("debug", "debug")).toBe("info");
    expect(toggledLevel("info", "debug")).toBe("debug");
  });
});

describe("the admin API's log level", () => {
  test("has the same word as the option", () => {
    for (const level of logLevels) {
      expect(fromProtoLevel(toProtoLevel(level))).toBe(level);
      expect(levelWord(toProtoLevel(level))).toBe(level);
      expect(parseProtoLevel(level.toUpperCase())).toBe(toProtoLevel(level));
    }
    expect(logLevels.map(toProtoLevel)).toEqual([1, 2, 3, 4]);
  });

  test("is undefined if it isn't known", () => {
    expect(fromProtoLevel(ProtoLevel.UNSPECIFIED)).toBeUndefined();
    expect(levelWord(99 as ProtoLevel)).toBe("unknown");
    expect(parseProtoLevel("loud")).toBeUndefined();
  });
});
