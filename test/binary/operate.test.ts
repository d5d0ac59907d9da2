import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { bestOf } from "../support/best-of.ts";
import { eventually } from "../support/eventually.ts";
import { device, FakeAdmin, statusOf } from "../support/fake-admin.ts";

const binary = join(import.meta.dir, "../../dist/video-device-plugin");

let admin: FakeAdmin;
beforeEach(() => {
  admin = new FakeAdmin();
  admin.start();
});
afterEach(() => admin.clear());

const socketFlag = () => ["--admin-socket", admin.socket];

async function run(command: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn(command, { cwd: "/", env, stdout: "pipe", stderr: "pipe" });
  const [code, out, err] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, out, err };
}

describe("the compiled program", () => {
  test("probes in less than 100 ms", async () => {
    const probe = async () => {
      const started = performance.now();
      expect(await run([binary, "probe", "ready", ...socketFlag()])).toEqual({
        code: 0,
        out: "",
        err: "",
      });
      return performance.now() - started;
    };
    expect(await bestOf(100, probe, 40)).toBeLessThan(100);
  });

  test("shows the status", async () => {
    const { code, out, err } = await run([binary, "status", ...socketFlag()]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toStartWith("✓ node-a: 2 of 2 devices healthy, 0 in use\n");
  });

  test("checks the devices of its own container, as any user, and says which are simulated", async () => {
    const other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const check = [...(process.getuid?.() === 0 ? other : []), binary, "snapshot", "--check"];
    const variables = { CAMERA: "/dev/null", CAMERAS: "/dev/null" };
    const { code, out } = await run(check, { CONTAINER_DEVICE_ENV: "CAMERA", ...variables });
    expect(out).toStartWith("/dev/null is simulated: its node has the number of /dev/null.");
    expect(code).toBe(0);
    const none = await run(check);
    expect(none.err).toContain("VIDEO_DEVICE and VIDEO_DEVICES are not set");
    expect(none.code).toBe(1);
    const noCamera = await run(check, { VIDEO_DEVICE: "/dev/zero", VIDEO_DEVICES: "/dev/zero" });
    expect(noCamera.err).toContain("/dev/zero is not a video device.");
    expect(noCamera.code).toBe(1);
  });

  test("suggests root to a user who may not open the socket", async () => {
    if (process.getuid?.() !== 0) return;
    chmodSync(admin.dir, 0o755);
    const other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const { code, err } = await run([...other, binary, "status", ...socketFlag()]);
    expect(err).toStartWith(`video-device-plugin: User 65534 may not use ${admin.socket}.\n`);
    expect(code).toBe(2);
  });

  test("ends a watch without a reader at the next change", async () => {
    const watch = `"${binary}" status --watch --admin-socket "${admin.socket}" | head -n 1`;
    const ended = run(["sh", "-c", watch]);
    let done = false;
    ended.finally(() => {
      done = true;
    });
    await eventually(() => {
      admin.status = statusOf([device(10)]);
      return done;
    }, "the end of the watch");
    expect((await ended).out).toMatch(/^✓ node-a: .*\n$/);
  });
});

describe("a watch on a terminal", () => {
  function watch() {
    let shown = "";
    const child = Bun.spawn([binary, "status", "--watch", ...socketFlag()], {
      cwd: "/",
      env: { TERM: "xterm" },
      terminal: {
        cols: 80,
        rows: 24,
        data: (_, bytes) => {
          shown += new TextDecoder().decode(bytes);
        },
      },
    });
    return { child, shown: () => shown };
  }

  test("redraws at a change, and Ctrl-C restores the terminal", async () => {
    const { child, shown } = watch();
    await eventually(() => shown().includes("2 of 2 devices healthy"), "the first status");
    admin.status = statusOf([device(10, { healthy: false, reason: "missing" })]);
    await eventually(() => shown().includes("0 of 1 device healthy"), "the second status");
    child.terminal?.write("\x03");
    expect(await child.exited).toBe(0);
    await eventually(() => shown().includes("\x1b[?25h\x1b[?1049l"), "the cursor");
    const left = shown().split("\x1b[?1049l")[1] ?? "";
    expect(left).toContain("0 of 1 device healthy");
    expect(left).not.toContain("\x1b[?25l");
  });

  test("continues when the plugin has restarted", async () => {
    const { child, shown } = watch();
    await eventually(() => shown().includes("2 of 2 devices healthy"), "the first status");
    await admin.stop();
    await eventually(() => shown().includes("Waiting for the plugin."), "a word on the loss");
    admin.status = statusOf([]);
    admin.start();
    await eventually(() => shown().includes("0 of 0 devices healthy"), "the status after it");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("redraws with the terminal's new width", async () => {
    const { child, shown } = watch();
    const pod = "a-pod-with-quite-a-long-name-of-its-own";
    const owner = { namespace: "default", pod, container: "main" };
    admin.status = statusOf([device(10, { owner, format: "YUYV 640x480 30 fps" })]);
    await eventually(() => shown().includes("…"), "a name that is cut");
    child.terminal?.resize(140, 24);
    await eventually(() => shown().includes(`default/${pod}`), "the whole name");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});
