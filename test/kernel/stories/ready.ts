import { deepEqual, equal, ok } from "node:assert/strict";
import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import type { ContainerSettings } from "../../../src/simulator/pod.ts";
import { openVideoDevice, type VideoFile } from "../../../src/v4l2/video-file.ts";
import { pixelFormats } from "../../../src/v4l2/video-structs.ts";
import { ChromeReader, type ChromeTrack } from "../chrome-reader.ts";
import { eventually, PATIENCE_MS } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

const POD = "meeting";
export const CAMERAS = ["video10", "video11"];
const SIZE = { width: 320, height: 240 } as const;
const FRAME_BYTES = (SIZE.width * SIZE.height * 3) / 2;
/** Y of #808080 in the limited range. */
export const PLACEHOLDER = 126;
export const FLAGS = [
  ...["--ready-cameras", "--max-devices=2", "--ready-size=320x240", "--ready-rate=15"],
  ...["--ready-placeholder=#808080", "--health-check-interval=1", "--pod-resources-interval=1"],
];

const browser = new ChromeReader();
/** A page's track of video10, over several steps. */
let page: ChromeTrack | undefined;

/** The compiled plugin offers ready cameras: a page sees a camera at any time, whatever the application and the plugin do. */
export const ready: Story = [
  {
    name: "a browser lists the ready cameras before any application writes",
    async run(node) {
      await node.kubelet.start();
      await start(node);
      deepEqual(listed(), CAMERAS);
      const [first] = browser.list();
      deepEqual(first?.format, { pixelFormat: "YU12", ...SIZE });
    },
  },
  {
    name: "a pod gets a camera and its feed, and VIDEO_DEVICE names the feed",
    async run(node) {
      await node.kubelet.addPod({ name: POD, containers: [{ name: "app", devices: 2 }] });
      const [container] = node.kubelet.pod(POD)?.containers ?? [];
      const { env = {}, devices = [] }: Partial<ContainerSettings> = container?.settings ?? {};
      equal(env["VIDEO_DEVICE"], "/dev/feed0");
      equal(env["VIDEO_CAMERAS"], "/dev/video10,/dev/video11");
      deepEqual(
        devices.map(({ hostPath, containerPath }) => `${hostPath} ${containerPath}`).sort(),
        [
          "/dev/video10 /dev/video10",
          "/dev/video11 /dev/video11",
          "/dev/video138 /dev/feed0",
          "/dev/video139 /dev/feed1",
        ],
      );
    },
  },
  {
    name: "a track gets the placeholder, the application's frames, and the placeholder again",
    async run() {
      page = browser.open("/dev/video10");
      await shows(PLACEHOLDER);
      {
        using feed = openFeed();
        await shows(0x51, () => feed.write(frame(0x51)));
        deepEqual(listed(), CAMERAS);
      }
      await shows(PLACEHOLDER);
      deepEqual(listed(), CAMERAS);
    },
  },
  {
    name: "a track outlives a plugin that is killed, and the next plugin's camera is listed",
    async run(node) {
      await node.plugin.kill();
      await unregistered(node);
      const before = live().frames;
      await Bun.sleep(3000);
      ok(live().frames > before, "the track got no frame without the plugin");
      await start(node);
      deepEqual(listed(), CAMERAS);
      using feed = openFeed();
      await shows(0x52, () => feed.write(frame(0x52)));
    },
  },
  {
    name: "a track outlives a plugin that is stopped, and the feed's writer writes on",
    async run(node) {
      using feed = openFeed();
      await shows(0x53, () => feed.write(frame(0x53)));
      await node.stopPlugin();
      await unregistered(node);
      equal(live().state, "live");
      await start(node);
      deepEqual(listed(), CAMERAS);
      await shows(0x54, () => feed.write(frame(0x54)));
    },
  },
  {
    name: "after the pod both nodes are reset, and the camera is listed as before",
    async run(node) {
      page?.[Symbol.dispose]();
      node.kubelet.removePod(POD);
      await eventually("resets of both devices", () => {
        const ids = node.plugin.log.saying("Device reset").map((entry) => entry["device_id"]);
        return CAMERAS.every((id) => ids.includes(id));
      });
      deepEqual(listed(), CAMERAS);
      using track = browser.open("/dev/video10");
      page = track;
      await shows(PLACEHOLDER);
      await node.stopPlugin();
    },
  },
];

export async function start(node: GuestNode): Promise<void> {
  node.plugin.start(...FLAGS);
  await node.kubelet.until(
    () => node.kubelet.resources().allocatable === CAMERAS.length,
    PATIENCE_MS,
    `ready cameras; the plugin's log ends:\n${node.plugin.log.tail()}\n`,
  );
}

/** Until the kubelet has seen the plugin's end: the next one's devices must not be taken for its. */
async function unregistered({ kubelet }: GuestNode): Promise<void> {
  await kubelet.until(() => kubelet.resources().allocatable === 0, PATIENCE_MS, "the plugin's end");
}

const listed = () => browser.list().map(({ path }) => path.replace("/dev/", ""));

function live(): ChromeTrack {
  ok(page);
  equal(page.endReason, undefined);
  return page;
}

/** Waits until the page shows a picture that begins with `byte`, doing something meanwhile. */
async function shows(byte: number, act: () => unknown = () => {}): Promise<void> {
  await eventually(`the picture ${byte}`, () => {
    act();
    return live().lastFrame[0] === byte;
  });
}

/** A frame of that byte alone. */
export const frame = (byte: number) => new Uint8Array(FRAME_BYTES).fill(byte);

/** The application's end: it sets the format, and writes. */
export function openFeed(): VideoFile {
  const feed = openVideoDevice("/dev/video138", linuxCalls());
  feed.setFormat("output", { ...SIZE, pixelFormat: pixelFormats.YU12 });
  return feed;
}
