import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { device, FakeAdmin, statusOf } from "../support/fake-admin.ts";
import { type InTerminal, inTerminal } from "../support/pseudo-terminal.ts";

const binary = join(import.meta.dir, "../../dist/video-device-plugin");

let admin: FakeAdmin;
let watch: InTerminal;
beforeEach(async () => {
  admin = new FakeAdmin();
  const sick = { healthy: false, reason: "stuck_writer", detail: "A writer has died." };
  admin.status = statusOf([
    ...Array.from({ length: 40 }, (_, at) => device(10 + at)),
    device(50, sick),
  ]);
  admin.start();
  const cmd = [binary, "status", "--watch", "--admin-socket", admin.socket];
  watch = inTerminal(cmd, { NO_COLOR: "1" }, { columns: 80, rows: 12 });
  await watch.says("q ends this.");
});
afterEach(async () => {
  watch.kill("SIGKILL");
  await admin.clear();
});

const leavesScreen = "\x1b[?1049l";

test("a short terminal shows the device with trouble first, and how many it hides", async () => {
  const [first = ""] = watch.output().split("q ends this.");
  const rows = first.split("\n").filter((line) => line.startsWith("video"));
  expect(rows[0]).toStartWith("video50  stuck_writer");
  expect(rows.length).toBeLessThan(12);
  expect(first).toContain("more devices, all healthy");
  watch.resize(80, 60);
  await watch.says("video49");
});

for (const [what, end] of [
  ["q", () => watch.type("q")],
  ["Ctrl-C", () => watch.type("\x03")],
  ["SIGINT", () => watch.kill("SIGINT")],
  ["SIGTERM", () => watch.kill("SIGTERM")],
] as const) {
  test(`${what} ends the watch with code 0, and gives the terminal back as it was`, async () => {
    await eventually(() => !watch.cooked(), "single keys");
    end();
    expect(await watch.exited).toBe(0);
    expect(watch.cooked()).toBe(true);
    await watch.says(leavesScreen);
    // All devices, whatever the screen had room for.
    await watch.says("video49");
  });
}

test("another key changes nothing", async () => {
  await eventually(() => !watch.cooked(), "single keys");
  watch.type("x\x1b[A");
  admin.status = statusOf([device(10)], { nodeName: "node-b" });
  await watch.says("node-b");
});
