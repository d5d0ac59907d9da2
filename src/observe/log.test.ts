import { describe, expect, test } from "bun:test";
import type { LogLevel } from "../common/logger.ts";
import { createLogger, type LogFormat } from "./log.ts";

function setUp(format: LogFormat, level: LogLevel = "info", colour = false) {
  const written: string[] = [];
  const log = createLogger({ format, level, colour, write: (text) => written.push(text) });
  return { log, written };
}

describe("the JSON log", () => {
  test("is one object a line with time, level, msg and then the fields", () => {
    const { log, written } = setUp("json");
    log.info("Device allocated", { device_id: "video10", container_path: "/dev/video10" });
    expect(written).toHaveLength(1);
    expect(written[0]?.endsWith("}\n")).toBe(true);
    const entry = JSON.parse(written[0] ?? "");
    expect(Object.keys(entry)).toEqual(["time", "level", "msg", "device_id", "container_path"]);
    expect(entry).toMatchObject({ level: "INFO", msg: "Device allocated", device_id: "video10" });
    expect(new Date(entry.time).toISOString()).toBe(entry.time);
  });

  test("keeps line breaks, quotes, big numbers and errors inside the line", () => {
    const { log, written } = setUp("json");
    log.warn("Odd", { text: 'a "b"\nc', count: 1n, error: new Error("boom") });
    expect(written[0]?.split("\n")).toHaveLength(2);
    expect(JSON.parse(written[0] ?? "")).toMatchObject({
      text: 'a "b"\nc',
      count: "1",
      error: "boom",
    });
  });

  test("does not fold equal lines", () => {
    const { log, written } = setUp("json");
    for (let n = 0; n < 20; n++) log.info("Same", { n: 1 });
    expect(written).toHaveLength(20);
  });

  test("keeps fields that consola would take for its own", () => {
    const { log, written } = setUp("json");
    log.info("Named", { message: "m", args: ["x"], type: "t", tag: "g" });
    expect(JSON.parse(written[0] ?? "")).toMatchObject({ msg: "Named", message: "m", type: "t" });
  });

  for (const [level, expected] of [
    ["debug", ["DEBUG", "INFO", "WARN", "ERROR"]],
    ["info", ["INFO", "WARN", "ERROR"]],
    ["warn", ["WARN", "ERROR"]],
    ["error", ["ERROR"]],
  ] as const) {
    test(`at level ${level} shows ${expected.join(", ")}`, () => {
      const { log, written } = setUp("json", level);
      log.debug("d");
      log.info("i");
      log.warn("w");
      log.error("e");
      expect(written.map((line) => JSON.parse(line).level)).toEqual([...expected]);
    });
  }
});

describe("the pretty log", () => {
  test("is a readable line", () => {
    const { log, written } = setUp("pretty");
    log.warn("Device unhealthy", {
      device_id: "video10",
      detail: "no node",
      n: 3,
      none: undefined,
    });
    expect(written[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}Device unhealthy device_id=video10 detail="no node" n=3\n$/,
    );
  });

  test("escapes control characters of foreign texts", () => {
    const { log, written } = setUp("pretty");
    log.info("Device cordoned", { note: "\x1b[2J", by: "\x9b2J", who: "a\u202eb" });
    expect(written[0]).toEndWith(' note="\\u001b[2J" by="\\u009b2J" who="a\\u202eb"\n');
  });

  test("has colour only if asked for", () => {
    const plain = setUp("pretty");
    const coloured = setUp("pretty", "info", true);
    plain.log.info("x", { a: 1 });
    coloured.log.info("x", { a: 1 });
    expect(plain.written[0]).not.toContain("\x1b[");
    expect(coloured.written[0]).toContain("\x1b[");
  });
});
