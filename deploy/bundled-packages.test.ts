import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundledPackages, packageDirectory } from "./bundled-packages.ts";

const input = (bytesInOutput: number) => ({ bytesInOutput });

function withPackages(manifests: Record<string, object>, work: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "vdp-packages-"));
  for (const [directory, manifest] of Object.entries(manifests)) {
    mkdirSync(join(root, directory), { recursive: true });
    writeFileSync(join(root, directory, "package.json"), JSON.stringify(manifest));
  }
  try {
    work(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("a file belongs to the innermost package, or to the project", () => {
  expect(packageDirectory("node_modules/a/lib/x.js")).toBe("node_modules/a");
  expect(packageDirectory("node_modules/@s/a/x.js")).toBe("node_modules/@s/a");
  expect(packageDirectory("node_modules/a/node_modules/@s/b/x.js")).toBe(
    "node_modules/a/node_modules/@s/b",
  );
  expect(packageDirectory("src/main.ts")).toBeUndefined();
});

test("a package counts if a byte of it is left, each version separately", () => {
  const manifests = {
    "node_modules/b": { name: "b", version: "2.0.0", license: "(MIT)", dependencies: { a: "1" } },
    "node_modules/b/node_modules/a": { name: "a", version: "1.0.0", license: "MIT" },
    "node_modules/a": { name: "a", version: "0.9.0", license: "ISC", description: "old" },
    "node_modules/shaken": { name: "shaken", version: "1.0.0", license: "MIT" },
  };
  const inputs = {
    "src/main.ts": input(9),
    "node_modules/b/y.js": input(1),
    "node_modules/b/x.js": input(1),
    "node_modules/b/node_modules/a/x.js": input(1),
    "node_modules/a/x.js": input(1),
    "node_modules/shaken/x.js": input(0),
  };
  withPackages(manifests, (root) => {
    const found = bundledPackages({ outputs: { "./program": { inputs } } }, root);
    expect(found.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "a 0.9.0",
      "a 1.0.0",
      "b 2.0.0",
    ]);
    expect(found[2]).toEqual({
      name: "b",
      version: "2.0.0",
      license: "MIT",
      description: undefined,
      dependencies: ["a"],
      directory: "node_modules/b",
      files: ["node_modules/b/x.js", "node_modules/b/y.js"],
    });
  });
});

test("a package without a licence is an error", () => {
  withPackages({ "node_modules/a": { name: "a", version: "1.0.0" } }, (root) => {
    const inputs = { "node_modules/a/x.js": input(1) };
    expect(() => bundledPackages({ outputs: { program: { inputs } } }, root)).toThrow(
      "node_modules/a/package.json: no name, version or license",
    );
  });
});
