import { expect, test } from "bun:test";
import { isSameBoot, readBootId } from "./boot-id.ts";

test("the boot ID is the same at each reading", () => {
  expect(readBootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(isSameBoot(readBootId(), readBootId())).toBe(true);
});

test("a file is of this boot only if both boot IDs are known, and the same", () => {
  expect(isSameBoot("b1", "b2")).toBe(false);
  expect(isSameBoot("", "b2")).toBe(false);
  expect(isSameBoot("b1", "")).toBe(false);
  expect(isSameBoot("", "")).toBe(false);
  expect(isSameBoot(undefined, "")).toBe(false);
});
