import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import packageJson from "../../package.json" with { type: "json" };
import { skipLevel } from "../../test/kubelet/require-level.ts";
import { containersOf, exampleObjects, podSpecOf } from "../../test/support/manifests.ts";
import { exampleImage } from "../names/names.ts";

const here = import.meta.dir;
const root = join(here, "../..");
const text = (path: string) => readFileSync(join(root, path), "utf8");
const names = [...new Glob("*/Dockerfile").scanSync(here)].map((path) => path.split("/")[0] ?? "");
const containers = [...exampleObjects()].flatMap(([file, objects]) =>
  objects
    .map(podSpecOf)
    .flatMap((spec) => (spec === undefined ? [] : containersOf(spec)))
    .map((container) => ({ file, ...container })),
);

test("every example runs an image that is built here, in this version: bun run manifests", () => {
  expect(containers.length).toBeGreaterThan(8);
  const built = names.map((name) => `${exampleImage(name)}:${packageJson.version}`);
  for (const { file, image } of containers)
    expect([file, built]).toEqual([file, expect.arrayContaining([image])]);
});

test("the commands that examples run are in the image media, and in its README", () => {
  const commands = readdirSync(join(here, "media/bin")).filter((name) => !name.includes("."));
  const readme = text("deploy/examples/README.md");
  for (const command of commands) expect(readme).toContain(`| \`${command}\` |`);
  for (const { image, command = [] } of containers) {
    if (!image.includes("/media:")) continue;
    const words = command.join(" ").split(/\s+/);
    expect(words.filter((word) => commands.includes(word))).toHaveLength(1);
  }
});

test.each(names)("%s is built on the Debian of bases.env", (name) => {
  const debian = /^DEBIAN_IMAGE=([^@\n]+)/m.exec(text("deploy/image/bases.env"))?.[1];
  const dockerfile = text(`deploy/examples/${name}/Dockerfile`);
  expect(dockerfile).toContain(`\nARG DEBIAN_IMAGE=${debian}\n`);
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  expect([...new Set(bases)]).toEqual(["$" + "{DEBIAN_IMAGE}"]);
  expect(dockerfile).toContain("\nUSER 10001:10001\n");
});

test("the bot's playwright-core is the one of package.json, with the integrity of bun.lock", () => {
  const dockerfile = text("deploy/examples/browser-bot/Dockerfile");
  const version = packageJson.devDependencies["playwright-core"];
  expect(dockerfile).toContain(`ARG PLAYWRIGHT_VERSION=${version}\n`);
  const integrity = /"playwright-core@[^\n]*"sha512-([^"]+)"/.exec(text("bun.lock"))?.[1] ?? "";
  expect(dockerfile).toContain(
    `ARG PLAYWRIGHT_SHA512=${Buffer.from(integrity, "base64").toString("hex")}\n`,
  );
});

test("the recorder ends with code 1 after its writer, though a reader without frames ignores SIGTERM", async () => {
  const fakes = mkdtempSync(join(tmpdir(), "vdp-recorder-"));
  // ffmpeg 7 waits for the next frame of a camera without a writer, whatever signal comes.
  const reader = `trap '' TERM; : >"$0.reads"; while :; do sleep 0.1; done`;
  const ffmpeg = `case "$*" in *libx264*) ${reader} ;; esac\nprintf '%99999s' '' >/dev/null; exec sleep 60`;
  writeFileSync(join(fakes, "ffmpeg"), `#!/bin/bash\n${ffmpeg}\n`, { mode: 0o755 });
  try {
    const bin = join(here, "media/bin");
    const PATH = `${fakes}:${bin}:${process.env["PATH"]}`;
    // No simulated device, which would have no reader.
    const env = { PATH, VIDEO_DEVICE: "/dev/zero", VIDEO_SIZE: "64x48" };
    const recorder = Bun.spawn([join(bin, "record")], { env, stdout: "pipe", stderr: "pipe" });
    let said = "";
    for await (const chunk of recorder.stdout) {
      said += Buffer.from(chunk);
      const writer = /the writer is process (\d+)/.exec(said)?.[1];
      if (writer === undefined) continue;
      while (!existsSync(join(fakes, "ffmpeg.reads"))) await Bun.sleep(20);
      process.kill(Number(writer), "SIGKILL");
      break;
    }
    expect(await recorder.exited).toBe(1);
    expect(await recorder.stderr.text()).toContain("record: the writer ended with code 137");
  } finally {
    rmSync(fakes, { recursive: true });
  }
}, 60_000);

const noShellcheck = Bun.which("shellcheck") ? undefined : "no shellcheck: install shellcheck";
test.skipIf(skipLevel(noShellcheck))("the scripts pass shellcheck", () => {
  const bin = join(here, "media/bin");
  const scripts = readdirSync(bin).map((name) => join(bin, name));
  const { stdout, exitCode } = Bun.spawnSync(["shellcheck", "-x", ...scripts]);
  expect({ exitCode, output: stdout.toString() }).toEqual({ exitCode: 0, output: "" });
});
