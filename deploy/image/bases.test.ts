import { expect, test } from "bun:test";
import { splitImageName, unpinnedBases } from "./bases.ts";

const digest = `sha256:${"5a".repeat(32)}`;

test.each([
  ["debian", { repository: "debian" }],
  ["localhost:5000/a/b", { repository: "localhost:5000/a/b" }],
  ["x.io/base:2", { repository: "x.io/base", tag: "2" }],
  [`x.io/base:2@${digest}`, { repository: "x.io/base", tag: "2", digest }],
  [`x.io/base@${digest}`, { repository: "x.io/base", digest }],
])("%s is parsed", (image, parts) => {
  expect(splitImageName(image)).toEqual({ tag: undefined, digest: undefined, ...parts });
});

test("half a digest is none", () => {
  expect(splitImageName("x.io/base:2@sha256:5a").digest).toBeUndefined();
});

test("bases without a digest are named by their variables", () => {
  const text = (bun: string, base: string) => `# A=b\nBUN_IMAGE=${bun}\nBASE_IMAGE=${base}\n`;
  const pinned = `x.io/a:1@${digest}`;
  expect(unpinnedBases(text(pinned, pinned))).toEqual([]);
  expect(unpinnedBases(text(pinned, "x.io/b:1"))).toEqual(["BASE_IMAGE"]);
  expect(unpinnedBases(text("x.io/a:1", "x.io/b:1"))).toEqual(["BUN_IMAGE", "BASE_IMAGE"]);
});
