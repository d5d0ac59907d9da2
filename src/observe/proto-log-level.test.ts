import { expect, test } from "bun:test";
import { logLevels } from "../common/logger.ts";
import { LogLevel } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { levelNamed, levelWord, logLevelOf, protoLevel } from "./proto-log-level.ts";

test("every level is one of the API's, and is called alike everywhere", () => {
  for (const level of logLevels) {
    expect(logLevelOf(protoLevel(level))).toBe(level);
    expect(levelWord(protoLevel(level))).toBe(level);
    expect(levelNamed(level.toUpperCase())).toBe(protoLevel(level));
  }
  expect(logLevels.map(protoLevel)).toEqual([1, 2, 3, 4]);
});

test("a level that isn't known is none", () => {
  expect(logLevelOf(LogLevel.UNSPECIFIED)).toBeUndefined();
  expect(levelWord(99 as LogLevel)).toBe("unknown");
  expect(levelNamed("loud")).toBeUndefined();
});
