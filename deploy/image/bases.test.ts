import { expect, test } from "bun:test";
import { digestIn, unpinnedBases } from "./bases.ts";

const digest = `sha256:${"5a".repeat(32)}`;

test("an image is pinned by a whole digest at its end", () => {
  expect(digestIn(`x.io/base:2@${digest}`)).toBe(digest);
  expect(digestIn("x.io/base:2")).toBeUndefined();
  expect(digestIn("x.io/base:2@sha256:5a")).toBeUndefined();
});

test("bases without a digest are told by their variables", () => {
  const text = (bun: string, base: string) => `# A=b\nBUN_IMAGE=${bun}\nBASE_IMAGE=${base}\n`;
  const pinned = `x.io/a:1@${digest}`;
  expect(unpinnedBases(text(pinned, pinned))).toEqual([]);
  expect(unpinnedBases(text(pinned, "x.io/b:1"))).toEqual(["BASE_IMAGE"]);
  expect(unpinnedBases(text("x.io/a:1", "x.io/b:1"))).toEqual(["BUN_IMAGE", "BASE_IMAGE"]);
});
