import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { links } from "../../test/support/markdown.ts";
import { artefactName, tarballFiles } from "./contents.ts";
import { type PackedFile, tarball } from "./tarball.ts";

const root = join(import.meta.dir, "../..");
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tarball-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: directory });
  expect({ exitCode, stderr: stderr.toString() }).toMatchObject({ exitCode: 0 });
  return stdout.toString();
}

describe("a tarball", () => {
  const files = (): PackedFile[] => [
    { path: "program", source: write("program", "#!"), executable: true },
    { path: "docs/text.md", source: write("text", "words"), executable: false },
  ];

  test("has the same bytes for all modes, times and orders of its sources", () => {
    const first = tarball("thing-1", files(), 1_700_000_000);
    const again = files().reverse();
    for (const { source } of again) {
      chmodSync(source, 0o600);
      utimesSync(source, 1, 1);
    }
    const umask = process.umask(0o077);
    try {
      expect(Bun.SHA256.hash(tarball("thing-1", again, 1_700_000_000), "hex")).toBe(
        Bun.SHA256.hash(first, "hex"),
      );
    } finally {
      process.umask(umask);
    }
    expect(tarball("thing-1", files(), 1_700_000_001)).not.toEqual(first);
  });

  test("has one directory, sorted, with root's numbers, plain modes and the given time", () => {
    writeFileSync(join(directory, "thing.tar.gz"), tarball("thing-1", files(), 0));
    const list = run(
      "tar",
      "--list",
      "--verbose",
      "--numeric-owner",
      "--utc",
      "--file=thing.tar.gz",
    );
    expect(list.trim().split("\n")).toEqual([
      "drwxr-xr-x 0/0               0 1970-01-01 00:00 thing-1/",
      "drwxr-xr-x 0/0               0 1970-01-01 00:00 thing-1/docs/",
      "-rw-r--r-- 0/0               5 1970-01-01 00:00 thing-1/docs/text.md",
      "-rwxr-xr-x 0/0               2 1970-01-01 00:00 thing-1/program",
    ]);
  });

  test("fails without one of its sources", () => {
    const missing = { path: "a", source: join(directory, "nothing"), executable: false };
    expect(() => tarball("thing-1", [missing], 0)).toThrow("ENOENT");
  });
});

describe("a release's tarball", () => {
  const tracked = Bun.spawnSync(["git", "ls-files"], { cwd: root }).stdout.toString().split("\n");

  test("has the program, its installer, licences, bill and documents, and no sources", () => {
    const built = { executable: "/x", notices: "/n", bill: "/b" };
    const paths = tarballFiles(root, tracked, built).map(({ path }) => path);
    expect(paths).toContain("video-device-plugin");
    expect(paths).toContain("THIRD-PARTY-NOTICES");
    expect(paths).toContain("video-device-plugin.cdx.json");
    expect(paths).toContain("video-device-plugin.service");
    expect(paths).toContain("modules-load/modules-load.conf");
    expect(paths).toContain("LICENSE");
    expect(paths).toContain("docs/nodes.md");
    expect(paths).toContain("deploy/kubernetes/base/daemonset.yaml");
    expect(paths).toContain("deploy/monitoring/alerts.yaml");
    expect(paths.filter((path) => /\.ts$|\.test\./.test(path))).toEqual([]);
    expect(new Set(paths).size).toBe(paths.length);
  });

  test("carries manifests where they are in the repository, and the service at its top", () => {
    const built = { executable: "/x", notices: "/n", bill: "/b" };
    const files = tarballFiles(
      "/r",
      ["deploy/kubernetes/base/a.yaml", "deploy/systemd/thing.service"],
      built,
    );
    expect(files.slice(3)).toEqual([
      {
        path: "deploy/kubernetes/base/a.yaml",
        source: "/r/deploy/kubernetes/base/a.yaml",
        executable: false,
      },
      { path: "thing.service", source: "/r/deploy/systemd/thing.service", executable: false },
    ]);
  });

  test("has no link to an absent file", () => {
    const built = { executable: "/x", notices: "/n", bill: "/b" };
    const files = tarballFiles(root, tracked, built);
    const paths = files.map(({ path }) => path);
    const isThere = (path: string) =>
      paths.some((one) => one === path || one.startsWith(`${path}/`));
    const broken = files.flatMap(({ path, text = "" }) =>
      links(text)
        .filter((target) => !/^([a-z]+:|#)/.test(target))
        .map((target) => join(dirname(path), target.replace(/#.*/, "")))
        .filter((target) => !isThere(target))
        .map((target) => `${path}: ${target}`),
    );
    expect(broken).toEqual([]);
    expect(files.flatMap(({ text = "" }) => links(text)).length).toBeGreaterThan(10);
  });

  test("can be installed from its directory", () => {
    const executable = write("fake", "#!/bin/sh\necho fake\n");
    const built = { executable, notices: write("notices", ""), bill: write("bill", "{}") };
    const name = artefactName("1.2.3", "amd64");
    expect(name).toBe("video-device-plugin-1.2.3-linux-amd64");
    const archive = tarball(name, tarballFiles(root, tracked, built), 0);
    writeFileSync(join(directory, `${name}.tar.gz`), archive);
    run("tar", "--extract", `--file=${name}.tar.gz`);
    run(`./${name}/install.sh`, `--root=${directory}/node`, "--load-at-boot");
    const installed = join(directory, "node/usr/local/bin/video-device-plugin");
    expect(readFileSync(installed, "utf8")).toBe("#!/bin/sh\necho fake\n");
    expect(run("find", "node/etc", "-type", "f").trim().split("\n").sort()).toEqual([
      "node/etc/modprobe.d/video-device-plugin.conf",
      "node/etc/modules-load.d/video-device-plugin.conf",
      "node/etc/systemd/system/video-device-plugin.service",
      "node/etc/video-device-plugin/video-device-plugin.env",
    ]);
  });
});
