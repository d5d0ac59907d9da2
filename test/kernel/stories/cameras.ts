import { equal, ok } from "node:assert/strict";
import { closeSync, constants, openSync, readFileSync, statSync } from "node:fs";
import { parseQuery, type QueriedDevice } from "../query.ts";
import { eventually } from "./eventually.ts";

/** The checker that shares no code with the plugin, see v4l2-tool.c. */
const TOOL = "/bin/v4l2-tool";

/** A pod's process is seldom root. This is the overflow user of the kernel. */
const UNPRIVILEGED = { uid: 65534, gid: 65534 };

/** Opens devices and asks what they are: those of these IDs, by default every /dev/videoN. */
export function query(ids: readonly string[] = []): QueriedDevice[] {
  return parseQuery(run([TOOL, "query", ...ids.map((id) => `/dev/${id}`)]));
}

/** Removes a device through the module's control device, which v4l2loopback has from 0.13 on. */
export function removeDevice(id: string): void {
  run([TOOL, "remove", id.replace("video", "")]);
}

/** What distinguishes a device node from another of its name, or from itself before a change. */
export function identity(id: string) {
  const { ino, rdev, mode, uid, gid, ctimeMs } = statSync(`/dev/${id}`);
  return { ino, rdev, mode, uid, gid, ctimeMs };
}

export function modeOf(id: string): number {
  return statSync(`/dev/${id}`).mode & 0o7777;
}

/** Opens a device as a reader does; what it returns closes it. */
export function hold(id: string): () => void {
  const fd = openSync(`/dev/${id}`, constants.O_RDONLY | constants.O_NONBLOCK);
  return () => closeSync(fd);
}

/** A parameter v4l2loopback was loaded with. */
export function moduleParameter(name: string): string {
  return readFileSync(`/sys/module/v4l2loopback/parameters/${name}`, "utf8").trim();
}

/** How many file descriptors are open on the module's devices, all together. */
export function openDevices(): number {
  return Number(readFileSync("/sys/module/v4l2loopback/refcnt", "utf8"));
}

/** Modules that are loaded, of those named. */
export function loaded(names: readonly string[]): string[] {
  const modules = readFileSync("/proc/modules", "utf8").split("\n");
  return names.filter((name) => modules.some((line) => line.startsWith(`${name} `)));
}

/** Loads a module as an operator would. */
export function modprobe(...args: string[]): void {
  run(["/bin/busybox", "modprobe", ...args]);
}

export function rmmod(module: string): void {
  run(["/bin/busybox", "rmmod", module]);
}

/** Runs a command to its end; its output. */
export function run(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  equal(exitCode, 0, `${command.join(" ")}: ${stderr}`);
  return stdout.toString();
}

/**
 * One process feeds a device, others read from it, none of them root: three different frames must come
 * through. `meanwhile` runs while it is fed.
 */
export async function passFrames(device: string, meanwhile: () => unknown): Promise<void> {
  const frames = 150;
  const writer = Bun.spawn([TOOL, "feed", device, String(frames)], {
    ...UNPRIVILEGED,
    stdout: "pipe",
    stderr: "pipe",
  });
  // From 0.14 on, a reader that asks while the writer sets its format can keep it from beginning.
  const { done } = await writer.stdout.getReader().read();
  if (done) throw new Error(`nothing feeds ${device}: ${await writer.stderr.text()}`);
  const seen = new Set<number>();
  await eventually(`frames from ${device}`, () => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([TOOL, "read-frames", device, "1"], {
      ...UNPRIVILEGED,
    });
    if (exitCode !== 0) throw new Error(stderr.toString());
    // A buffer that has not been written to yet is all zeros.
    if (Number(stdout) > 0) seen.add(Number(stdout));
    return seen.size >= 3;
  });
  ok(Math.max(...seen) <= frames, `read ${[...seen]}`);
  await meanwhile();
  writer.kill("SIGKILL");
  await writer.exited;
}
