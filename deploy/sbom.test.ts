import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SPDX, Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { bunLicencePage } from "./bun-licence.ts";
import { bundledPackages, readMetafile } from "./bundled-packages.ts";
import { hashesOfLockfile, type Materials, renderBom } from "./sbom.ts";

const root = join(import.meta.dir, "..");

const materials: Materials = {
  packages: bundledPackages(readMetafile(root), root),
  bunPage: bunLicencePage(root),
  executableHash: "0123456789abcdef".repeat(4),
  packageHash: hashesOfLockfile(readFileSync(join(root, "bun.lock"), "utf8")),
  timestamp: new Date("2026-11-23T00:00:00Z"),
  baseImage: undefined,
};

interface Component {
  type: string;
  "bom-ref": string;
  name: string;
  group?: string;
  version?: string;
  purl?: string;
  hashes?: { alg: string; content: string }[];
  licenses: { expression?: string }[];
  components?: Component[];
}

interface Bill {
  serialNumber: string;
  metadata: { timestamp: string; component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

const bom = JSON.parse(renderBom(materials)) as Bill;

test("the bill is valid CycloneDX 1.6", async () => {
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(renderBom(materials))).toBeNull();
  expect(await validator.validate(renderBom(materials).replace('"platform"', '"cheese"'))).toEqual([
    expect.objectContaining({ instancePath: expect.stringMatching(/^\/components\/\d+\/type$/) }),
  ]);
});

test("every package in the executable is in the bill, with version, licence and hash", () => {
  expect(materials.packages.length).toBeGreaterThan(10);
  for (const { name, version, license } of materials.packages) {
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    const found = bom.components.find((component) => component.purl === purl);
    expect(found?.licenses).toEqual([expect.objectContaining({ expression: license })]);
    expect(license.split(" AND ").every((id) => SPDX.isSupportedSpdxId(id))).toBe(true);
    expect(found?.hashes).toEqual([
      { alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) },
    ]);
  }
  expect(bom.components).toHaveLength(materials.packages.length + 1);
});

test("the bill lists Bun, and the libraries linked into Bun", () => {
  const bun = bom.components.find(({ name }) => name === "bun");
  expect(bun?.version).toBe(Bun.version);
  expect(bun?.licenses).toEqual([
    expect.objectContaining({ expression: "MIT AND LGPL-2.0-or-later" }),
  ]);
  expect(bun?.components?.map(({ name }) => name)).toContain("boringssl");
});

test("the bill names the executable by its hash, and all else as its dependency", () => {
  const { component } = bom.metadata;
  expect(component.hashes).toEqual([{ alg: "SHA-256", content: materials.executableHash }]);
  const direct = bom.dependencies.find(({ ref }) => ref === component["bom-ref"]);
  expect(direct?.dependsOn).toEqual(
    bom.components.map((one) => one["bom-ref"]).sort((a, b) => (a < b ? -1 : 1)),
  );
  const grpc = bom.dependencies.find(({ ref }) => ref.startsWith("pkg:npm/%40grpc/grpc-js@"));
  expect(grpc?.dependsOn).toContainEqual(expect.stringMatching(/^pkg:npm\/%40grpc\/proto-loader@/));
});

describe("the bill of an image", () => {
  const digest = `sha256:${"5a".repeat(32)}`;
  const billOn = (baseImage: string) => renderBom({ ...materials, baseImage });
  const baseIn = (text: string) => {
    const bill = JSON.parse(text) as Bill;
    const base = bill.components.find(({ type }) => type === "container");
    const root = bill.dependencies.find(({ ref }) => ref === bill.metadata.component["bom-ref"]);
    expect(root?.dependsOn).toContain(base?.["bom-ref"] ?? "no base");
    return base;
  };

  test("lists the base by its digest, and is valid", async () => {
    const text = billOn(`gcr.io/distroless/base:latest@${digest}`);
    expect(baseIn(text)).toMatchObject({
      name: "gcr.io/distroless/base",
      version: digest,
      purl: `pkg:oci/base@${digest}?repository_url=gcr.io%2Fdistroless%2Fbase&tag=latest`,
    });
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull();
  });

  test.each([
    ["x.io/team/base:2", "2"],
    ["base", undefined],
  ])("names the unpinned base %s by its tag", (image, version) => {
    expect(baseIn(billOn(image))?.version).toBe(version);
  });

  test("that of the executable alone has none", () => {
    expect(bom.components.map(({ type }) => type)).not.toContain("container");
  });
});

test("equal executables have equal bills, and another has another serial number", () => {
  expect(renderBom(materials)).toBe(renderBom(materials));
  expect(bom.serialNumber).toBe("urn:uuid:01234567-89ab-8def-8123-456789abcdef");
  expect(bom.metadata.timestamp).toBe("2026-11-23T00:00:00.000Z");
  const other = renderBom({ ...materials, executableHash: "f".repeat(64), timestamp: undefined });
  expect(other).toContain("urn:uuid:ffffffff-ffff-8fff-8fff-ffffffffffff");
  expect(other).not.toContain("timestamp");
});
