import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { which } from "bun";
import { encodeFormat, pixelFormats } from "../../src/v4l2/video-structs.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { eventually } from "../support/eventually.ts";
import { codeBlocks } from "../support/markdown.ts";
import { snippet } from "../support/snippet.ts";

/**
 * The programs of docs/using.md as far as a machine without a camera can play them: the one in Python writes to a file, the one in Go
 * to /dev/null. The shell commands and the program in Go are played on the real module by test/kernel, those for the
 * browser by test/browser.
 */
const page = readFileSync(join(import.meta.dir, "../../docs/using.md"), "utf8");

const width = 640;
const height = 480;
const frameBytes = (width * height * 3) / 2;
/** What both programs have to set. */
const format = encodeFormat("output", { width, height, pixelFormat: pixelFormats.YU12 });

const work = mkdtempSync(join(tmpdir(), "vdp-using-"));
afterAll(() => rmSync(work, { recursive: true }));

const missing = (program: string) =>
  skipLevel(which(program) === null ? `there is no ${program}` : undefined);

test("a snippet is found by its title, and a second or a missing one is an error", () => {
  const block = (title: string) => `\`\`\`sh\n# ${title}\ntrue\n\`\`\`\n`;
  expect(snippet(block("one") + block("two"), "two")).toBe("# two\ntrue\n");
  expect(() => snippet(block("one"), "two")).toThrow('0 code blocks begin with "two"');
  expect(() => snippet(block("one") + block("one"), "one")).toThrow("2 code blocks");
});

test.each(["sh", "bash"])("shellcheck has no complaint about the commands for %s", (shell) => {
  const blocks = codeBlocks(page, [shell]);
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) {
    const { stdout } = Bun.spawnSync(["shellcheck", "--shell", shell, "-"], {
      stdin: Buffer.from(block),
    });
    expect(stdout.toString()).toBe("");
  }
});

test("the bash script ends with 1 as soon as its writer or its reader ends", async () => {
  const [bin, script] = [mkdtempSync(join(work, "bin-")), join(work, "script.sh")];
  writeFileSync(script, snippet(page, "bash: the container ends"));
  for (const [writer, reader] of [
    ["exit 0", "sleep 100"],
    ["exec sleep 100", "true"],
  ] as const) {
    writeFileSync(join(bin, "ffmpeg"), `#!/bin/sh\n${writer}\n`, { mode: 0o755 });
    const env = {
      ...process.env,
      PATH: `${bin}:${process.env["PATH"]}`,
      VIDEO_DEVICE: "/dev/null",
    };
    const options = { env, detached: true, stdout: "ignore", stderr: "inherit" } as const;
    const bash = Bun.spawn(["bash", script, ...reader.split(" ")], options);
    expect(await bash.exited).toBe(1);
    // In a container the kernel does that.
    process.kill(-bash.pid);
  }
});

describe.skipIf(missing("python3"))("in Python", () => {
  test("camera.py sets the format that the plugin's own writer sets, and writes whole pictures", async () => {
    const [script, camera] = [join(work, "camera.py"), join(work, "camera")];
    writeFileSync(script, snippet(page, "camera.py"));
    writeFileSync(camera, "");
    // In place of the module that does ioctl: a regular file has no format.
    writeFileSync(
      join(work, "fcntl.py"),
      `def ioctl(fd, request, argument):\n    open("${work}/ioctl", "w").write(f"{request:x} {bytes(argument).hex()}")\n`,
    );
    const python = Bun.spawn(["python3", script], {
      env: { ...process.env, VIDEO_DEVICE: camera, PYTHONPATH: work },
      stdout: "ignore",
      stderr: "inherit",
    });
    try {
      await eventually(() => {
        if (python.exitCode !== null) throw new Error(`it ended with ${python.exitCode}`);
        return statSync(camera).size >= 3 * frameBytes;
      }, "three pictures");
    } finally {
      python.kill();
      await python.exited;
    }
    expect(readFileSync(join(work, "ioctl"), "utf8")).toBe(
      `c0d05605 ${Buffer.from(format).toString("hex")}`,
    );
    const written = readFileSync(camera).subarray(0, 2 * frameBytes);
    expect(new Set(written.subarray(0, width * height))).toEqual(new Set([1]));
    expect(new Set(written.subarray(width * height, frameBytes))).toEqual(new Set([128]));
    expect(written[frameBytes]).toBe(2);
  });

  test("cameras.py compiles", () => {
    const script = join(work, "cameras.py");
    writeFileSync(script, snippet(page, "cameras.py"));
    const { stderr } = Bun.spawnSync(["python3", "-m", "py_compile", script]);
    expect(stderr.toString()).toBe("");
  });
});

describe.skipIf(missing("go"))("in Go", () => {
  test("camera.go is formatted, compiles, and says why it can't set the format of what is no camera", () => {
    const [source, program] = [join(work, "camera.go"), join(work, "camera-go")];
    writeFileSync(source, snippet(page, "camera.go"));
    const ran = (command: string[]) => {
      const env = { ...process.env, CGO_ENABLED: "0", VIDEO_DEVICE: "/dev/null" };
      const { stdout, stderr } = Bun.spawnSync(command, { cwd: work, env });
      return `${stdout}${stderr}`;
    };
    expect(ran(["gofmt", "-l", source])).toBe("");
    expect(ran(["go", "build", "-o", program, source])).toBe("");
    expect(ran([program])).toContain("VIDIOC_S_FMT: inappropriate ioctl for device");
  });
});

test.each(["playwright.mjs", "puppeteer.mjs"])("%s has no syntax error", (name) => {
  expect(() =>
    new Bun.Transpiler({ loader: "js" }).transformSync(snippet(page, name)),
  ).not.toThrow();
});
