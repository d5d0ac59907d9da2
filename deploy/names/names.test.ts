import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { names, namesOf } from "./names.ts";
import { namingFiles, renaming, renderNames, renderVersion, withVersion } from "./rename.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string, directory = root) => readFileSync(join(directory, path), "utf8");

/** The chart's name: with it in place, an address below would be a stray. */
const chart = manifest.name;
/** The page of the original plugin, which another project has written. */
const original = "github.com/Meeting-BaaS/video-device-plugin";
/** Addresses of images, charts and sources with the project's name. */
const addresses = /(?<![\w.])(ghcr\.io|github\.com|raw\.githubusercontent\.com)\/[\w./-]*\w/g;

function strays(path: string): string[] {
  const ours = [names.image, names.chart, names.sources, names.raw].map((one) =>
    one.replace(/^\w+:\/\//, ""),
  );
  return (
    [...read(path).matchAll(addresses)]
      .map(([address]) => address)
      .filter((address) => address.includes(manifest.name) && !address.startsWith(original))
      // An example's image has the image's name and more.
      .filter((address) => !ours.some((one) => /^(?:$|[/-])/.test(address.replace(one, ""))))
      .map((address) => `${path}: ${address}`)
  );
}

describe("the project's addresses", () => {
  test("follow from one field", () => {
    expect(namesOf("github:Acme/Cameras.x")).toEqual({
      owner: "Acme",
      sources: "https://github.com/Acme/Cameras.x",
      raw: "https://raw.githubusercontent.com/Acme/Cameras.x/main",
      image: "ghcr.io/acme/cameras.x",
      charts: "oci://ghcr.io/acme/charts",
      chart: `oci://ghcr.io/acme/charts/${chart}`,
    });
    expect(() => namesOf("https://example.com/a")).toThrow(
      'package.json: repository: expected github:OWNER/NAME, got "https://example.com/a"',
    );
  });

  test('are rendered into package.json: bun run docs, after a change of "repository"', () => {
    const { homepage, bugs } = manifest;
    expect({ homepage, bugs }).toEqual({
      homepage: names.sources,
      bugs: `${names.sources}/issues`,
    });
  });

  test("are the same everywhere: bun run docs writes those of a new field", () => {
    expect(namingFiles(root).flatMap(strays)).toEqual([]);
  });
});

test("only our own addresses are renamed", () => {
  const rename = renaming("github:one/cam", "github:Two/eye");
  const text = [
    "https://github.com/one/cam/issues git@github.com/one/cam.git https://github.com/one.",
    `https://raw.githubusercontent.com/one/cam/main/a.svg oci://ghcr.io/one/charts/${chart}`,
    "ghcr.io/one/cam:1 ghcr.io/one/cam/ffmpeg @one/maintainers --repo one/cam",
    "https://github.com/one/camera https://github.com/one-two ghcr.io/one/camera one/cam one.io/cam",
  ];
  expect(rename(text.join("\n")).split("\n")).toEqual([
    "https://github.com/Two/eye/issues git@github.com/Two/eye.git https://github.com/Two.",
    `https://raw.githubusercontent.com/Two/eye/main/a.svg oci://ghcr.io/two/charts/${chart}`,
    "ghcr.io/two/eye:1 ghcr.io/two/eye/ffmpeg @Two/maintainers --repo Two/eye",
    text[3] ?? "",
  ]);
});

test("only the plugin's own version is replaced", () => {
  const change = withVersion("1.2.3", "2.0.0-rc.1", "ghcr.io/a/b");
  const text = [
    "ghcr.io/a/b:1.2.3 ghcr.io/a/b/media:1.2.3 x.io/video-device-plugin:1.2.3 plugin   1.2.3, up",
    "tar xzf video-device-plugin-1.2.3-linux-amd64.tar.gz video-device-plugin-1.2.3.tgz",
    "appVersion: 1.2.3\n    app.kubernetes.io/version: 1.2.3\n    newTag: 1.2.3",
    "v1.2.3 other:1.2.3 video-device-plugin:1.2.34 video-device-plugin:1.2.3.4 since 1.2.3",
  ];
  const now = text.map((line) => line.replaceAll("1.2.3", "2.0.0-rc.1"));
  expect(text.map(change)).toEqual([...now.slice(0, 3), text[3] ?? ""]);
});

test("a fork changes one field, and nothing but history has the old address", () => {
  const copy = mkdtempSync(join(tmpdir(), "vdp-fork-"));
  try {
    for (const path of namingFiles(root)) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      copyFileSync(join(root, path), join(copy, path));
    }
    expect(Bun.spawnSync(["git", "init", "--quiet"], { cwd: copy }).exitCode).toBe(0);
    const field = `"repository": "${manifest.repository}"`;
    const text = read("package.json").replace(field, '"repository": "github:Acme/cameras"');
    writeFileSync(join(copy, "package.json"), text);
    const changed = renderNames(copy);
    expect(changed).toContain("deploy/helm/video-device-plugin/values.yaml");
    expect(changed).toContain("deploy/kubernetes/base/daemonset.yaml");
    expect(JSON.parse(read("package.json", copy))).toMatchObject({
      homepage: "https://github.com/Acme/cameras",
      bugs: "https://github.com/Acme/cameras/issues",
    });
    expect(read("deploy/kubernetes/base/daemonset.yaml", copy)).toContain(
      `image: "ghcr.io/acme/cameras:${manifest.version}"`,
    );
    const old = new RegExp(
      `(github|githubusercontent)\\.com/${names.owner}\\b|ghcr\\.io/${names.owner}/|[ @]${names.owner}/`,
    );
    expect(namingFiles(copy).filter((path) => old.test(read(path, copy)))).toEqual([]);
    expect(renderNames(copy)).toEqual([]);

    expect(renderVersion(copy)).toEqual([]);
    const released = read("package.json", copy).replace(
      `"version": "${manifest.version}"`,
      '"version": "9.8.7"',
    );
    writeFileSync(join(copy, "package.json"), released);
    const pages = renderVersion(copy);
    expect(pages).toContain("SECURITY.md");
    const chartYaml = read("deploy/helm/video-device-plugin/Chart.yaml", copy);
    expect(chartYaml).toContain("\nversion: 9.8.7\nappVersion: 9.8.7\n");
    for (const path of pages) {
      expect([path, read(path, copy).includes(`:${manifest.version}`)]).toEqual([path, false]);
    }
    expect(renderVersion(copy)).toEqual([]);
  } finally {
    rmSync(copy, { recursive: true });
  }
}, 60_000);
