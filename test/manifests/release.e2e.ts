import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { YAML } from "bun";
import { chartDir } from "../../deploy/manifests/chart.ts";
import { helm } from "../../deploy/manifests/helm.ts";
import { names } from "../../deploy/names/names.ts";
import { chartArchive, chartArchiveName } from "../../deploy/release/chart-archive.ts";
import { gitFacts } from "../../deploy/release/git-facts.ts";
import { installManifest } from "../../deploy/release/install-manifest.ts";
import manifest from "../../package.json" with { type: "json" };
import { parseDocuments } from "../support/manifests.ts";
import { checkerOf } from "./openapi.ts";
import { kubernetesVersions, skipLevel, unsupported } from "./tools.ts";

/** What a release has of the manifests: the chart's archive and install.yaml. */
const skip = skipLevel(unsupported());
const root = join(import.meta.dir, "../..");
const digest = `sha256:${"5a".repeat(32)}`;

const work = mkdtempSync(join(tmpdir(), "vdp-release-manifests-"));
afterAll(() => rmSync(work, { recursive: true }));

function helmed(...args: string[]): string {
  const { exitCode, stdout, stderr } = helm(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

/** `helm template` of a chart, as an installation of the name that the kustomizations have. */
function rendered(chart: string, ...args: string[]): string {
  const release = ["template", "video-device-plugin", chart, "--namespace", "kube-system"];
  return helmed(...release, "--kube-version", "1.33.4", ...args);
}

describe.skipIf(skip)("the chart's archive", () => {
  const ours = join(work, chartArchiveName);
  const notes = "### Fixed\n\n- The first sentence. The second one.\n";
  beforeAll(() => {
    writeFileSync(ours, chartArchive(root, gitFacts(root).tracked, 1_700_000_000, notes));
  });

  test("has the files that helm package packs", () => {
    const packed = join(work, "helm");
    helmed("package", chartDir, "--destination", packed);
    const files = (archive: string) => {
      const { exitCode, stdout } = Bun.spawnSync(["tar", "--list", `--file=${archive}`]);
      expect(exitCode).toBe(0);
      return stdout
        .toString()
        .split("\n")
        .filter((path) => path !== "" && !path.endsWith("/"));
    };
    expect(files(ours).sort()).toEqual(files(join(packed, chartArchiveName)).sort());
  });

  test("renders as the directory does", () => {
    expect(rendered(ours)).toBe(rendered(chartDir));
  });

  test("has what Artifact Hub shows, at the addresses of package.json", () => {
    const chart = YAML.parse(helmed("show", "chart", ours)) as {
      annotations: Record<string, string>;
    };
    expect(chart).toMatchObject({ home: names.sources, sources: [names.sources] });
    const annotation = (name: string) =>
      YAML.parse(chart.annotations[`artifacthub.io/${name}`] ?? "");
    expect(annotation("changes")).toEqual([{ kind: "fixed", description: "The first sentence." }]);
    expect(annotation("images")).toMatchObject([{ image: `${names.image}:${manifest.version}` }]);
    for (const { url } of annotation("links") as { url: string }[]) {
      const [, path] = url.split("/blob/main/");
      if (path !== undefined) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
    }
  });

  test("has an icon, which is an image of this repository", () => {
    const [, icon = ""] = /^icon: (.*)$/m.exec(helmed("show", "chart", ours)) ?? [];
    expect(icon).toStartWith(`${names.raw}/`);
    expect(readFileSync(join(root, icon.slice(names.raw.length)), "utf8")).toStartWith("<svg ");
  });

  test("has no link out of the archive in its README", () => {
    const page = helmed("show", "readme", ours);
    expect(page).toContain("](https://");
    expect([...page.matchAll(/\]\((?!https?:|#)[^)]*\)/g)].map(String)).toEqual([]);
  });
});

describe.skipIf(skip)("install.yaml", () => {
  const objects = () => parseDocuments(installManifest(root, digest));

  test("is what the chart renders with the image's digest", () => {
    const text = rendered(chartDir, "--set", `image.digest=${digest}`, "--skip-tests");
    const byHelm = text.replaceAll(
      /^\s+(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm,
      "",
    );
    expect(objects()).toEqual(parseDocuments(byHelm));
  });

  test.each([...kubernetesVersions])("is valid to Kubernetes %s", (version) => {
    expect(objects().flatMap(checkerOf(version))).toEqual([]);
  });
});
