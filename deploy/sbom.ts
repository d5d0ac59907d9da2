/**
 * Writes `dist/video-device-plugin.cdx.json`, a bill of materials in CycloneDX 1.6: the bundled packages and,
 * for an image, the base that `BASE_IMAGE` names. `bun deploy/sbom.ts`, after `bun run build`. Equal executables have
 * equal bills: the time is `SOURCE_DATE_EPOCH` (https://reproducible-builds.org/specs/source-date-epoch/), or absent.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import manifest from "../package.json" with { type: "json" };
import { bunLicencePage, bunLicense, bunParts, bunVersion } from "./bun-licence.ts";
import { type BundledPackage, bundledPackages, readMetafile } from "./bundled-packages.ts";
import { splitImageName } from "./image/bases.ts";

/** The facts of a bill. */
export interface Materials {
  readonly packages: readonly BundledPackage[];
  /** Bun's licence page. */
  readonly bunPage: string;
  /** SHA-256 of the executable, in hex. */
  readonly executableHash: string;
  /** SHA-512 of the package's archive in hex, from the lockfile. */
  readonly packageHash: (name: string, version: string) => string | undefined;
  /** When the sources were committed. */
  readonly timestamp: Date | undefined;
  /** The image's base; undefined for the executable alone. */
  readonly baseImage: string | undefined;
}

/** The bill as JSON text. */
export function renderBom(materials: Materials): string {
  const { packages, executableHash, timestamp } = materials;
  const root = component(Enums.ComponentType.Application, {
    name: manifest.name,
    version: manifest.version,
    license: manifest.license,
    description: manifest.description,
    purl: new PackageURL("generic", undefined, manifest.name, manifest.version),
  });
  root.hashes.set(Enums.HashAlgorithm["SHA-256"], executableHash);
  const bun = bunComponent(materials.bunPage);
  const libraries = new Map(packages.map((one) => [one, library(one, materials)]));
  for (const [one, made] of libraries) {
    root.dependencies.add(made.bomRef);
    for (const [other, needed] of libraries) {
      if (one.dependencies.includes(other.name)) made.dependencies.add(needed.bomRef);
    }
  }
  const platforms = [bun];
  if (materials.baseImage !== undefined) platforms.push(baseComponent(materials.baseImage));
  for (const { bomRef } of platforms) root.dependencies.add(bomRef);
  const bom = new Models.Bom({
    serialNumber: `urn:uuid:${uuidOf(executableHash)}`,
    components: new Models.ComponentRepository([...platforms, ...libraries.values()]),
    metadata: new Models.Metadata({
      component: root,
      ...(timestamp && { timestamp }),
      lifecycles: new Models.LifecycleRepository([Enums.LifecyclePhase.Build]),
    }),
  });
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const text = new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 });
  return `${text}\n`;
}

interface Description {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description?: string | undefined;
  readonly purl: PackageURL;
}

function component(
  type: Enums.ComponentType,
  { name, version, license, description, purl }: Description,
): Models.Component {
  return new Models.Component(type, name, {
    bomRef: purl.toString(),
    version,
    purl: purl.toString(),
    ...(description !== undefined && { description }),
    licenses: new Models.LicenseRepository([new Models.LicenseExpression(license)]),
  });
}

function library(one: BundledPackage, { packageHash }: Materials): Models.Component {
  const [name = "", scope] = one.name.split("/").reverse();
  const purl = new PackageURL("npm", scope, name, one.version);
  const made = component(Enums.ComponentType.Library, { ...one, purl });
  const hash = packageHash(one.name, one.version);
  if (hash !== undefined) made.hashes.set(Enums.HashAlgorithm["SHA-512"], hash);
  return made;
}

/** The runtime; the libraries linked into it have no published versions. */
function bunComponent(page: string): Models.Component {
  const bun = component(Enums.ComponentType.Platform, {
    name: "bun",
    version: bunVersion,
    license: bunLicense,
    description: "The JavaScript runtime that the executable is based on.",
    purl: new PackageURL("github", "oven-sh", "bun", `bun-v${bunVersion}`),
  });
  for (const part of bunParts(page)) {
    const linked = new Models.Component(Enums.ComponentType.Library, part.name, {
      bomRef: `bun/${part.name}`,
      licenses: new Models.LicenseRepository([new Models.NamedLicense(part.license)]),
    });
    linked.externalReferences.add(
      new Models.ExternalReference(part.url, Enums.ExternalReferenceType.Website),
    );
    bun.components.add(linked);
  }
  return bun;
}

/**
 * The base, as one component: the image itself lists its packages, which change with its digest. The package URL has
 * the type `oci`, whose version is a digest
 * (https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md).
 */
function baseComponent(image: string): Models.Component {
  const { repository, tag, digest } = splitImageName(image);
  const name = repository.split("/").at(-1) ?? repository;
  const place = { repository_url: repository, ...(tag !== undefined && { tag }) };
  const purl = new PackageURL("oci", undefined, name, digest, place).toString();
  const version = digest ?? tag;
  return new Models.Component(Enums.ComponentType.Container, repository, {
    bomRef: purl,
    purl,
    ...(version !== undefined && { version }),
    description:
      "What the image is made on: the C library that the executable needs, and more. Its packages are not listed here.",
  });
}

/** A UUID of version 8 (RFC 9562, section 5.8) from the first 128 bits of a hash. */
function uuidOf(hash: string): string {
  const hex = `${hash.slice(0, 12)}8${hash.slice(13, 16)}8${hash.slice(17, 32)}`;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Hashes of the lockfile: `"name": ["name@version", "", {…}, "sha512-…"]`. */
export function hashesOfLockfile(text: string): Materials["packageHash"] {
  const { packages } = Bun.JSONC.parse(text) as {
    packages: Record<string, [string, string, unknown, string]>;
  };
  const hashes = new Map(Object.values(packages).map(([id, , , integrity]) => [id, integrity]));
  return (name, version) => {
    const integrity = hashes.get(`${name}@${version}`);
    if (!integrity?.startsWith("sha512-")) return undefined;
    return Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex");
  };
}

if (import.meta.main) {
  const root = join(import.meta.dir, "..");
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  const packages = bundledPackages(readMetafile(root), root);
  const executable = readFileSync(join(root, "dist/video-device-plugin"));
  const bom = renderBom({
    packages,
    bunPage: bunLicencePage(root),
    executableHash: createHash("sha256").update(executable).digest("hex"),
    packageHash: hashesOfLockfile(readFileSync(join(root, "bun.lock"), "utf8")),
    timestamp: epoch ? new Date(Number(epoch) * 1000) : undefined,
    baseImage: process.env["BASE_IMAGE"] || undefined,
  });
  writeFileSync(join(root, "dist/video-device-plugin.cdx.json"), bom);
  console.log(`dist/video-device-plugin.cdx.json  ${packages.length} packages and Bun`);
}
