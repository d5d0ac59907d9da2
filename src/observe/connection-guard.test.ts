import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { ConnectionGuard, openFiles } from "./connection-guard.ts";

describe("the connection guard", () => {
  test("cuts when there are more than the limit above the program's own files", () => {
    const guard = new ConnectionGuard(10);
    expect([30, 40, 41].map((files) => guard.look(files))).toEqual([false, false, true]);
  });

  test("takes the fewest it ever saw for the program's own, so that an attack at the start is no excuse", () => {
    const guard = new ConnectionGuard(10);
    expect([500, 30, 35, 60].map((files) => guard.look(files))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  test("counts this process's open files", () => {
    const before = openFiles();
    const file = openSync("/dev/null", "r");
    const after = openFiles();
    closeSync(file);
    expect(after).toBe(before + 1);
  });
});
