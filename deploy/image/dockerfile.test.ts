import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { bunLicense } from "../bun-licence.ts";
import { bundledPackages, readMetafile } from "../bundled-packages.ts";

const root = join(import.meta.dir, "../..");
const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
const bases = readFileSync(join(root, "deploy/image/bases.env"), "utf8");

test("its bases are those of bases.env, without their digests", () => {
  const entries = bases.split("\n").filter((line) => /^\w+=/.test(line));
  expect(entries.map((entry) => entry.replace(/=.*/, ""))).toEqual([
    "BUN_IMAGE",
    "BASE_IMAGE",
    "DEBIAN_IMAGE",
  ]);
  for (const entry of entries.slice(0, 2))
    expect(dockerfile).toContain(`\nARG ${entry.replace(/@.*/, "")}\n`);
});

test("it builds with the pinned Bun", () => {
  expect(bases).toContain(`BUN_IMAGE=docker.io/oven/bun:${manifest.engines.bun}-debian`);
});

test("its labels agree with package.json", () => {
  expect(dockerfile).toContain(`org.opencontainers.image.title="${manifest.name}"`);
  expect(dockerfile).toContain(`org.opencontainers.image.description="${manifest.description}"`);
});

test("its licence label names exactly the licences of the executable", () => {
  const label = /image\.licenses="([^"]*)"/.exec(dockerfile)?.[1]?.split(" AND ") ?? [];
  const packages = bundledPackages(readMetafile(root), root);
  const all = [manifest.license, bunLicense, ...packages.map(({ license }) => license)];
  expect(label.sort()).toEqual([...new Set(all.flatMap((one) => one.split(" AND ")))].sort());
});

test("it runs as root, by number, with an entry point that needs no shell", () => {
  const final = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  expect(final).toContain("\nUSER 0:0\n");
  expect(final).toContain('\nENTRYPOINT ["/usr/bin/video-device-plugin"]\n');
  expect(final).not.toMatch(/^(RUN|CMD|ADD|ENV)\b/m);
});
