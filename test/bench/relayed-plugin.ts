/**
 * The plugin beside eight cameras that are relayed at 1280x720 and 30 frames a second, for `measures/relay.ts`, which
 * compiles it. Sockets stand in for the devices. `--relay=MODE[,REPORT]` is no option of the plugin:
 * - `off`: the plugin alone.
 * - `application`: an application's process reads the bytes that it writes, and no relay does.
 * - `worker`: the relay is a Worker of the plugin, as with ready cameras.
 * - `process`: the relay is a process of its own.
 *
 * Children have the modes `child-application` and `child-relay`, and end with the plugin. What the relay counts goes to
 * the file REPORT each second.
 */
import { spawn } from "node:child_process";
import { readSync, writeFileSync, writeSync } from "node:fs";
import { silentLogger } from "../../src/common/logger.ts";
import { placeholderFrame } from "../../src/drivers/loopback/ready/placeholder.ts";
import { WorkerRelay } from "../../src/drivers/loopback/ready/worker-relay.ts";
import { openFrameSockets } from "../support/frame-sockets.ts";
import { frameSize, relayedCameras, relaySettings } from "./relay-settings.ts";

/** The first file that a child inherits. */
const firstFd = 3;

const option = "--relay=";
const at = process.argv.findIndex((argument) => argument.startsWith(option));
const [mode, report = "/dev/null"] = (process.argv.splice(at, 1)[0] ?? "")
  .slice(option.length)
  .split(",");

if (mode === "child-application") {
  endWithParent();
  runApplication(inheritedFds());
} else if (mode === "child-relay") {
  endWithParent();
  relay(inheritedFds());
} else {
  if (mode !== "off") start();
  await import("../../src/main.ts");
}

/** Each camera has the file of its feed, then its own. */
type CameraFds = readonly (readonly [feed: number, camera: number])[];

function start(): void {
  const feeds = Array.from({ length: relayedCameras }, () => openFrameSockets(3 * frameSize));
  const cameras = feeds.map((feed) =>
    // Without a relay, the application reads what it has written.
    mode === "application" ? ([-1, feed[0]] as const) : openFrameSockets(3 * frameSize),
  );
  const side = (end: 0 | 1): CameraFds =>
    feeds.map((feed, index) => [feed[end], cameras[index]?.[end] ?? -1]);
  runChild("child-application", side(1));
  if (mode === "process") runChild("child-relay", side(0));
  if (mode === "worker") relay(side(0));
}

function runChild(role: string, fds: CameraFds): void {
  const child = spawn(process.execPath, [`${option}${role},${report}`], {
    stdio: ["pipe", "ignore", "inherit", ...fds.flat()],
    env: {},
  });
  child.unref();
}

function inheritedFds(): CameraFds {
  return Array.from(
    { length: relayedCameras },
    (_, index) => [firstFd + 2 * index, firstFd + 2 * index + 1] as const,
  );
}

function endWithParent(): void {
  process.stdin.on("end", () => process.exit(0)).resume();
}

function relay(fds: CameraFds): void {
  const relayed = new WorkerRelay(relaySettings, {
    log: silentLogger,
    onEvent: () => undefined,
  });
  fds.forEach(([feed, camera], index) => {
    const id = `video${10 + index}`;
    relayed.add({
      ...{ id, feed, camera, frameBytes: frameSize, takesRounded: false },
      placeholder: placeholderFrame(relaySettings, { id }),
    });
  });
  setInterval(() => {
    const { cpuSeconds, cameras } = relayed.report();
    writeFileSync(report, JSON.stringify({ cpuSeconds, cameras: [...cameras.values()] }));
  }, 1000).unref();
}

/** Writes frames to the feeds and reads the cameras. */
function runApplication(fds: CameraFds): void {
  const frame = new Uint8Array(frameSize).fill(0x55);
  const into = new Uint8Array(frameSize);
  let due = performance.now();
  const tick = () => {
    for (const [feed, camera] of fds) {
      bytesOf(() => writeSync(feed, frame));
      while (bytesOf(() => readSync(camera, into)) > 0);
    }
    due = Math.max(due + 1000 / relaySettings.rate, performance.now());
    setTimeout(tick, Math.max(0, due - performance.now()));
  };
  tick();
}

/** 0 if there is no frame to read, or no room for one. */
function bytesOf(call: () => number): number {
  try {
    return call();
  } catch {
    return 0;
  }
}
