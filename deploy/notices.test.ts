import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bunLicencePage, bunParts } from "./bun-licence.ts";
import { type BundledPackage, bundledPackages, readMetafile } from "./bundled-packages.ts";
import { licenceHead, noticeOf, renderNotices } from "./notices.ts";

const root = join(import.meta.dir, "..");

/** Names of the packages in the executable by its source map, independent of the metafile. */
async function packagesInSourceMap(): Promise<string[]> {
  const map = Bun.file(join(root, "dist/video-device-plugin.map"));
  const { sources } = (await map.json()) as { sources: string[] };
  const names = sources.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

test("every bundled package is in the notices, with its own text", async () => {
  const packages = bundledPackages(readMetafile(root), root);
  const names = await packagesInSourceMap();
  expect(names.length).toBeGreaterThan(10);
  expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  const notices = renderNotices(root, packages);
  for (const one of packages) {
    expect(notices).toContain(`\n${one.name} ${one.version} (${one.license})\n`);
    const text = noticeOf(root, one);
    expect(text).toMatch(/copyright|public domain/i);
    expect(notices).toContain(text);
  }
});

test("the notices end with Bun's own licences and the whole texts that they refer to", () => {
  const notices = renderNotices(root, []);
  expect(notices).toContain("Bun statically links JavaScriptCore (and WebKit), which is LGPL-2");
  expect(notices).toContain("GNU LIBRARY GENERAL PUBLIC LICENSE\n                       Version 2");
  expect(notices).toContain(
    "GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 2.1",
  );
  expect(notices).toContain("Apache License\n                           Version 2.0");
});

test("Bun's page is read to its last table", () => {
  const parts = bunParts(bunLicencePage(root));
  const names = parts.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["boringssl", "libicu", "uWebsockets", "acorn"]));
  expect(names).toContain("vm-browserify");
  expect(names).not.toContain("libuv");
  expect(parts.find(({ name }) => name === "tinycc")).toEqual({
    name: "tinycc",
    url: "https://github.com/tinycc/tinycc",
    license: "LGPL v2.1",
  });
});

test("a package without a licence file is covered by the heads of its files", () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-notices-"));
  const write = (path: string, text: string) => writeFileSync(join(directory, "a", path), text);
  mkdirSync(join(directory, "a"));
  write("x.js", "// Copyright 2026 A\n//\n//   All mine.\nexport {};\n");
  write("y.js", "// Copyright 2026 A\n//\n//   All mine.\nexport {};\n");
  write("z.js", "// Just a remark.\nexport {};\n");
  const one = { name: "a", directory: "a", files: ["a/x.js", "a/y.js", "a/z.js"] };
  expect(noticeOf(directory, one as unknown as BundledPackage)).toBe(
    "Copyright 2026 A\n\n  All mine.",
  );
  const bare = { ...one, files: ["a/z.js"] } as unknown as BundledPackage;
  expect(() => noticeOf(directory, bare)).toThrow("a: neither a licence file nor heads of files");
  write("LICENSE.md", "Mine.\r\n");
  expect(noticeOf(directory, bare)).toBe("Mine.");
  rmSync(directory, { recursive: true });
});

test("a comment that isn't about copyright is no licence", () => {
  expect(licenceHead("// eslint-disable\nexport {};\n")).toBeUndefined();
  expect(licenceHead("export {};\n// Copyright 2026 A\n")).toBeUndefined();
});
