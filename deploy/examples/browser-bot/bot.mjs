// Joins a page with the container's camera, and says what the page sees. Its settings are variables:
//   VIDEO_DEVICE  path that the writer writes to; the plugin sets it
//   VIDEO_CAMERA  path of a ready camera; the plugin sets it, unless cameras are plain devices
//   CAMERA_LABEL  part of the camera's name, the plugin's V4L2_CARD_LABEL (default: MeetingBot_WebCam)
//   VIDEO_SIZE    size of the frames in pixels (default: 1280x720)
//   FRAME_RATE    frames per second (default: 30)
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";

const { env } = process;
const camera = env.VIDEO_DEVICE;
if (!camera)
  fail("VIDEO_DEVICE is not set: give the container a limit of 1 meeting-baas.io/video-devices.");
const label = env.CAMERA_LABEL || "MeetingBot_WebCam";
const size = env.VIDEO_SIZE || "1280x720";
/** How long Chromium may take to list the camera, ms. */
const patience = 120_000;

function say(text) {
  console.log(text);
}

function fail(text) {
  console.error(`browser-bot: ${text}`);
  process.exit(1);
}

// Without it, process 1 of a container ignores the signal.
process.on("SIGTERM", () => process.exit(0));

for (const directory of [env.HOME, env.XDG_RUNTIME_DIR])
  mkdirSync(directory, { recursive: true, mode: 0o700 });

// Sound: what the page plays goes to a sink that drops it, and is the page's microphone. Chromium lists
// no monitor of a sink, so a source of its own stands for it.
execFileSync(
  "pulseaudio",
  ["-n", "--daemonize=yes", "--exit-idle-time=-1"].concat(
    [
      "module-native-protocol-unix",
      "module-null-sink sink_name=speaker",
      "module-remap-source master=speaker.monitor source_name=microphone",
    ].flatMap((module) => ["--load", module]),
  ),
  { stdio: "inherit" },
);

// Devices of the plugin's driver "simulated" have the number of /dev/null, (1, 3), and no V4L2.
const simulated = statSync(camera).rdev === 0x103;
// Frames that no program sees are worth no CPU: one a second is enough.
const rate = simulated ? "1" : env.FRAME_RATE || "30";
if (simulated) {
  say(
    `this device is simulated: ${camera} takes frames like /dev/null, and Chromium lists no camera. ` +
      "Real cameras need v4l2loopback on the node.",
  );
}

function startWriter() {
  const writer = spawn(
    "ffmpeg",
    [
      ...["-nostdin", "-hide_banner", "-loglevel", "warning", "-y", "-re"],
      ...["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=${rate}`, "-pix_fmt", "yuv420p"],
      ...["-f", simulated ? "rawvideo" : "v4l2", camera],
    ],
    { stdio: "inherit" },
  );
  writer.on("error", ({ message }) => fail(`ffmpeg: ${message}`));
  writer.on("exit", (code, signal) =>
    fail(`the writer ended with ${signal ?? `code ${code}`}: no frames reach ${camera}`),
  );
}

// A plain device is a camera only while a program writes to it, so the writer comes first. A ready camera is one
// before: this bot joins with the placeholder, and then starts the writer.
const isReady = env.VIDEO_CAMERA !== undefined && !simulated;
if (!isReady) startWriter();

const page = readFileSync(new URL("page.html", import.meta.url));
// Only pages of https and of localhost may use a camera.
const server = createServer((_request, response) =>
  response.setHeader("content-type", "text/html").end(page),
);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  // The sandbox needs user namespaces, which many nodes forbid in pods. Visit only pages that you trust.
  chromiumSandbox: false,
  // Answers the page's question for camera and microphone. --use-fake-device-for-media-stream would hide the camera.
  args: ["--use-fake-ui-for-media-stream", "--disable-gpu", "--disable-dev-shm-usage"],
  ignoreDefaultArgs: ["--mute-audio"],
  timeout: patience,
});
browser.on("disconnected", () => fail("Chromium ended"));
const tab = await browser.newPage();
tab.setDefaultTimeout(patience);
tab.on("console", (message) => say(`the page says: ${message.text()}`));
await tab.goto(`http://localhost:${server.address().port}/`);
say(`joined ${tab.url()} with ${browser.version()}`);
say(`microphone: ${await tab.evaluate("meeting.joinWithSound()")}`);

if (simulated) {
  say(`cameras: ${await tab.evaluate("meeting.cameras().then((all) => all.length)")}`);
} else {
  let seen;
  for (
    const end = Date.now() + patience;
    seen === undefined && Date.now() < end;
    await sleep(500)
  ) {
    seen = await tab.evaluate((wanted) => globalThis.meeting.joinWithCamera(wanted), label);
  }
  if (seen === undefined) {
    const labels = await tab.evaluate(
      "meeting.cameras().then((all) => all.map(({ label }) => label).join(', '))",
    );
    fail(`no camera with "${label}" in its name; Chromium lists: ${labels || "none"}`);
  }
  say(`camera: ${seen.label}, ${seen.width}x${seen.height}`);
  if (isReady) {
    say("no program writes yet: the page shows the placeholder");
    startWriter();
  }
  say(`moving: ${await tab.evaluate("meeting.movingPixels()")} pixels differ between two frames`);
}
