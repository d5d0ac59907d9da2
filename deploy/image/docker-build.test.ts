import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { names } from "../names/names.ts";

const script = join(import.meta.dir, "../../docker-build.sh");
const digest = `sha256:${"5a".repeat(32)}`;
const pinnedBases = [
  "--bun-image",
  `x.io/bun:1@${digest}`,
  "--base-image",
  `x.io/base:2@${digest}`,
];

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-docker-build-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A PATH with these builders, which always fail or always succeed, and the script's other programs. */
function pathWith(builders: Record<string, "works" | "fails">): string {
  const path = mkdtempSync(join(directory, "bin-"));
  for (const tool of ["bash", "dirname", "cat", "sed", "git", "date", "uname", "rm"]) {
    symlinkSync(Bun.which(tool) ?? tool, join(path, tool));
  }
  for (const [name, how] of Object.entries(builders)) {
    writeFileSync(join(path, name), `#!/bin/sh\nexit ${how === "works" ? 0 : 1}\n`);
    chmodSync(join(path, name), 0o755);
  }
  return path;
}

function dockerBuild(
  args: string[],
  builders: Record<string, "works" | "fails"> = { docker: "works" },
  env: Record<string, string> = {},
): { exitCode: number; commands: string[]; stderr: string } {
  const { exitCode, stderr } = Bun.spawnSync(["bash", script, ...args], {
    cwd: "/",
    env: {
      PATH: pathWith(builders),
      SOURCE_DATE_EPOCH: "86400",
      REVISION: "abc",
      SOURCE_URL: "S",
      ...env,
    },
  });
  const text = stderr.toString();
  const commands = text.split("\n").filter((line) => line.startsWith("+ "));
  return { exitCode, commands: commands.map((line) => line.slice(2)), stderr: text };
}

test("the first builder that works is used", () => {
  const taken = (builders: Record<string, "works" | "fails">) =>
    dockerBuild(["--print"], builders).commands[0]?.split(" ")[0];
  expect(taken({ docker: "works", podman: "works", buildah: "works" })).toBe("docker");
  expect(taken({ docker: "fails", podman: "works", buildah: "works" })).toBe("podman");
  expect(taken({ buildah: "works" })).toBe("buildah");
});

test("if none works, the error has each one's reason", () => {
  expect(dockerBuild([], { docker: "fails" })).toMatchObject({
    exitCode: 1,
    stderr:
      "docker-build.sh: nothing to build with: docker has no buildx (package docker-buildx-plugin or " +
      "docker-buildx); podman is not installed; buildah is not installed\n",
  });
});

test("the builder gets bases, time, commit and version", () => {
  const { commands, exitCode } = dockerBuild([...pinnedBases, "--tag", "x.io/plugin:7"]);
  expect(exitCode).toBe(0);
  const arch = process.arch === "x64" ? "amd64" : "arm64";
  expect(commands).toEqual([
    [
      `docker buildx build --file Dockerfile --platform linux/${arch}`,
      `--build-arg BUN_IMAGE=x.io/bun:1@${digest} --build-arg BASE_IMAGE=x.io/base:2@${digest}`,
      "--build-arg BASE_NAME=x.io/base:2 --build-arg CREATED=1970-01-02T00:00:00Z",
      "--build-arg REVISION=abc --build-arg SOURCE=S --build-arg SOURCE_DATE_EPOCH=86400",
      `--build-arg VERSION=${manifest.version}`,
      `--label org.opencontainers.image.base.digest=${digest} --tag x.io/plugin:7 --load .`,
    ].join(" "),
  ]);
});

test("arguments after -- go to the builder", () => {
  const { commands } = dockerBuild(["--print", "--", "--no-cache", "--progress=plain"]);
  expect(commands[0]).toEndWith("--load --no-cache --progress=plain .");
});

test("several platforms are one list, pushed with all its images", () => {
  const args = [...pinnedBases, "-t", "x.io/plugin:7", "-p", "linux/amd64,linux/arm64", "--push"];
  const docker = dockerBuild(args, { docker: "works" }).commands;
  expect(docker).toHaveLength(1);
  expect(docker[0]).toContain("--platform linux/amd64\\,linux/arm64");
  expect(docker[0]).toContain("type=image\\,name=x.io/plugin:7\\,push=true");
  const buildah = dockerBuild([...args, "--zstd"], { buildah: "works" }).commands;
  expect(buildah[0]).toBe("buildah manifest rm x.io/plugin:7");
  expect(buildah[1]).toContain("--timestamp 86400");
  expect(buildah[1]).toContain("--manifest x.io/plugin:7 .");
  expect(buildah[2]).toBe(
    "buildah manifest push --all --compression-format zstd --compression-level 19 " +
      "x.io/plugin:7 docker://x.io/plugin:7",
  );
});

test("an archive is replaced", () => {
  const file = join(directory, "image.tar");
  const { commands } = dockerBuild(["-o", file, "-t", "a:b"], { podman: "works" });
  expect(commands.slice(1)).toEqual([`rm -f ${file}`, `podman push a:b oci-archive:${file}:a:b`]);
});

test("npm settings go in as a secret", () => {
  const npmrc = join(directory, "npmrc");
  writeFileSync(npmrc, "");
  const { commands } = dockerBuild(["--npmrc", npmrc]);
  expect(commands[0]).toContain(`--secret id=npmrc\\,src=${npmrc}`);
});

test("an image on a base without a digest is pushed only with --allow-unpinned", () => {
  const unpinned = ["--push", "-t", "x.io/plugin:7", "--base-image", "x.io/base:2", "--bun-image"];
  const { exitCode, stderr } = dockerBuild([...unpinned, "x.io/bun:1"]);
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    'docker-build.sh: x.io/bun:1 has no digest: run "bun deploy/image/pin-bases.ts" and commit, ' +
      "or add --allow-unpinned\n",
  );
  expect(dockerBuild([...unpinned, `x.io/bun:1@${digest}`]).stderr).toContain(
    "x.io/base:2 has no digest",
  );
  expect(dockerBuild([...unpinned, "x.io/bun:1", "--allow-unpinned"]).exitCode).toBe(0);
});

test("the sources are at the address that package.json names", () => {
  const { commands } = dockerBuild(["--print"], { docker: "works" }, { SOURCE_URL: "" });
  expect(commands[0]).toContain(` --build-arg SOURCE=${names.sources} `);
});

test.each([
  [["--tag"], "--tag needs a value"],
  [
    ["--platform", "linux/riscv64"],
    '--platform: expected linux/amd64 or linux/arm64, got "linux/riscv64"',
  ],
  [["--builder", "kaniko"], '--builder: expected docker, podman or buildah, got "kaniko"'],
  [["--push"], "--push needs --tag, with the registry's name in it"],
  [["--push", "-t", "a", "-o", "b"], "--push and --output exclude each other"],
  [
    ["-p", "linux/amd64,linux/arm64"],
    "docker keeps no image of two platforms: add --push or --output",
  ],
  [["image.tar"], 'unknown option "image.tar"'],
])("%p is a mistake, exit code 64", (args, message) => {
  const { exitCode, stderr } = dockerBuild(args);
  expect(stderr).toBe(`docker-build.sh: ${message}\nTry ./docker-build.sh --help\n`);
  expect(exitCode).toBe(64);
});
