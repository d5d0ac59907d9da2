import { expect, test } from "bun:test";
import { join } from "node:path";
import { names } from "../names/names.ts";
import { installManifest, isDigest } from "./install-manifest.ts";

const root = join(import.meta.dir, "../..");
const digest = `sha256:${"5a".repeat(32)}`;

test("a digest is sha256: and 64 lower-case hexadecimal digits", () => {
  expect(isDigest(digest)).toBe(true);
  for (const text of [digest.slice(0, -1), digest.toUpperCase(), `x${digest}`, "sha512:0"]) {
    expect([text, isDigest(text)]).toEqual([text, false]);
  }
});

test("install.yaml names every image by the digest", () => {
  const images = [...installManifest(root, digest).matchAll(/ image: (.*)/g)].map(([, one]) => one);
  expect(images).toEqual([`"${names.image}@${digest}"`]);
});
