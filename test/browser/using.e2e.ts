import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skipLevel } from "../kubelet/require-level.ts";
import { snippet } from "../support/snippet.ts";
import { noBrowser } from "./browser.ts";

/**
 * The Playwright program of docs/using.md, as it stands there, in Debian's Chromium. This machine has no camera: Chromium
 * makes one up, and a script takes the place of ffmpeg.
 */
const skip = skipLevel(noBrowser());

const root = join(import.meta.dir, "../..");
const page = readFileSync(join(root, "docs/using.md"), "utf8");

describe.skipIf(skip)("playwright.mjs of docs/using.md", () => {
  const work = mkdtempSync(join(tmpdir(), "vdp-using-"));
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("<title>room</title>", { headers: { "content-type": "text/html" } }),
  });
  beforeAll(() => {
    mkdirSync(join(work, "node_modules"));
    const packages = join(root, "node_modules/playwright-core");
    symlinkSync(packages, join(work, "node_modules/playwright-core"));
    writeFileSync(join(work, "playwright.mjs"), snippet(page, "playwright.mjs"));
    program(
      "chromium-with-fake-camera",
      'exec /usr/bin/chromium --use-fake-device-for-media-stream "$@"',
    );
  });
  afterAll(async () => {
    await server.stop(true);
    rmSync(work, { recursive: true });
  });

  function program(name: string, body: string): void {
    writeFileSync(join(work, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  test("opens the camera with this label, and ends with its writer", async () => {
    const output = join(work, "output");
    program(
      "ffmpeg",
      `echo "$@" >arguments
for second in $(seq 100); do ! grep -q shows output || exit 0; sleep 1; done`,
    );
    const { exited } = Bun.spawn([process.execPath, "playwright.mjs"], {
      cwd: work,
      env: {
        ...process.env,
        PATH: `${work}:${process.env["PATH"]}`,
        VIDEO_DEVICE: "/dev/video10",
        CAMERA: "fake_device_0",
        CHROMIUM: join(work, "chromium-with-fake-camera"),
        // Pages get cameras only from localhost and over https.
        PAGE_URL: `http://localhost:${server.port}/`,
      },
      stdout: Bun.file(output),
      stderr: "inherit",
    });
    expect(await exited).toBe(1);
    expect(readFileSync(output, "utf8")).toMatch(/^the page shows fake_device_0: \d+x\d+\n$/);
    expect(readFileSync(join(work, "arguments"), "utf8")).toEndWith(
      "-pix_fmt yuv420p -f v4l2 /dev/video10\n",
    );
  });
});
