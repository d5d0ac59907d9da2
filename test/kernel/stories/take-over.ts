import { deepEqual, equal } from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { decodeDevice } from "../../../src/linux/device-number.ts";
import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import { behaviourOf, type KubeletVersion } from "../../../src/simulator/behaviour.ts";
import { ChromeReader, type ChromeTrack } from "../chrome-reader.ts";
import type { ModuleVersion } from "../provision.ts";
import { endRelay } from "./end-relay.ts";
import { eventually, PATIENCE_MS } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import { GuestPlugin } from "./guest-plugin.ts";
import { CAMERAS, FLAGS, frame, openFeed, PLACEHOLDER, start } from "./ready.ts";
import type { Story, StoryCheck } from "./story.ts";
import type { Gaps } from "./watch-cameras.ts";

/** As in a container, the nodes are others than the host's: a plugin that ends takes an open of those for its successor's. */
const POD_DEV = "/tmp/pod-dev";

const POD = "call";

function makePodNodes(): void {
  rmSync(POD_DEV, { recursive: true, force: true });
  mkdirSync(POD_DEV);
  for (const id of CAMERAS) {
    const device = decodeDevice(statSync(`/dev/${id}`).rdev);
    linuxCalls().makeCharDevice(`${POD_DEV}/${id}`, 0o666, device);
  }
}

/** A page's track of video10 while an application writes to its feed. */
class WatchedTrack implements Disposable {
  /** The longest time between two pictures of the application, ms. */
  longestMs = 0;
  /** Pictures of the application. */
  pictures = 0;
  readonly #track: ChromeTrack = new ChromeReader(POD_DEV).open(`${POD_DEV}/video10`);
  readonly #feed = openFeed();
  readonly #timers: ReturnType<typeof setInterval>[];
  #byte = 0;
  #shown: number | undefined;
  #shownAt = performance.now();

  constructor() {
    this.#timers = [
      setInterval(() => this.#write(), 1000 / 15),
      setInterval(() => this.#look(), 5),
    ];
  }

  #write(): void {
    this.#byte = (this.#byte + 1) % 100;
    this.#feed.write(frame(this.#byte));
  }

  #look(): void {
    const [byte] = this.#track.lastFrame;
    if (byte === undefined || byte === PLACEHOLDER || byte === this.#shown) return;
    const now = performance.now();
    if (this.#shown !== undefined) this.longestMs = Math.max(this.longestMs, now - this.#shownAt);
    this.#shown = byte;
    this.#shownAt = now;
    this.pictures++;
  }

  /** Waits for some more pictures of the application. */
  async goesOn(): Promise<void> {
    const before = this.pictures;
    await eventually("the application's pictures", () => this.pictures >= before + 5);
    equal(this.#track.endReason, undefined);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#feed.close();
    this.#track[Symbol.dispose]();
  }
}

/** A program that lists the cameras all the time. */
class CameraWatch {
  readonly #process = Bun.spawn([process.execPath, "watch-cameras", POD_DEV, ...CAMERAS], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  readonly #output = this.#process.stdout.getReader();

  async started(): Promise<this> {
    await this.#output.read();
    return this;
  }

  async ended(): Promise<Gaps> {
    this.#process.stdin.end();
    const { value } = await this.#output.read();
    return JSON.parse(new TextDecoder().decode(value));
  }
}

/** The one that serves, and the one that stands by for it. */
let serving: GuestPlugin;
let standby: GuestPlugin;

/** The plugin hands its ready cameras over to the next one, while a page shows a camera and an application writes. */
export function takeOver(moduleVersion: ModuleVersion): Story {
  return [
    {
      name: "a relay that ends by an error is there again, and the page's track goes on",
      async run(node) {
        serving = node.plugin;
        standby = new GuestPlugin("plugin-next");
        await start(node);
        // So that no device is reset, and gets another number.
        await eventually("a pod with both cameras", async () => {
          const containers = [{ name: "app", devices: 2 }];
          const { phase } = await node.kubelet.addPod({ name: POD, containers });
          if (phase !== "Running") node.kubelet.removePod(POD);
          return phase === "Running";
        });
        makePodNodes();
        using page = new WatchedTrack();
        await page.goesOn();
        page.longestMs = 0;
        await eventually("a relay that waits", () => {
          endRelay(serving.pid);
          return true;
        });
        await eventually("its end", () => serving.log.saying("Relay ended").length === 1);
        await page.goesOn();
        return `${Math.round(page.longestMs)} ms between two pictures`;
      },
    },
    {
      name: "a standby that ends before it takes over leaves the cameras to the plugin that serves",
      async run(node) {
        await startStandby(node);
        using page = new WatchedTrack();
        equal((await standby.stop()).code, 0);
        await page.goesOn();
        deepEqual(new ChromeReader(POD_DEV).list().length, CAMERAS.length);
      },
    },
    handOver("1.33", moduleVersion),
    handOver("1.37", moduleVersion),
    {
      name: "the last of them ends",
      run: async () => void (await serving.stop()),
    },
  ];
}

function handOver(kubeletVersion: KubeletVersion, moduleVersion: ModuleVersion): StoryCheck {
  return {
    name: `with kubelet ${kubeletVersion} the next plugin takes over, and the page's track goes on`,
    async run(node) {
      if (kubeletVersion !== "1.33") await restartKubelet(node, kubeletVersion);
      await startStandby(node);
      using page = new WatchedTrack();
      await page.goesOn();
      page.longestMs = 0;
      const watch = await new CameraWatch().started();
      const { ms } = await serving.stop();
      await eventually("the take-over", () => standby.log.saying("Devices set up").length === 1);
      await page.goesOn();
      const gaps = await watch.ended();
      await node.kubelet.until(
        () => node.kubelet.resources().allocatable === CAMERAS.length,
        PATIENCE_MS,
        "all devices",
      );
      deepEqual(standby.log.saying("Devices set up")[0]?.["failed_device_ids"] ?? [], []);
      if (moduleVersion === "0.12.7") deepEqual(gaps, {});
      [serving, standby] = [standby, serving];
      const unlisted = CAMERAS.map((id) => gaps[id] ?? 0).join(" and ");
      return `unlisted for ${unlisted} ms, ${Math.round(page.longestMs)} ms between two pictures, ended in ${Math.round(ms)} ms`;
    },
  };
}

async function restartKubelet({ kubelet }: GuestNode, version: KubeletVersion): Promise<void> {
  kubelet.stop();
  kubelet.behaviour = behaviourOf(version);
  await kubelet.start();
  const isRegistered = () => kubelet.resources().allocatable === CAMERAS.length;
  await kubelet.until(isRegistered, PATIENCE_MS, "the registration");
}

/** Starts it, and waits until it could take over. */
async function startStandby(node: GuestNode): Promise<void> {
  const hidden = hiddenSockets(node).length;
  standby.start(...FLAGS);
  await eventually("the standby", () => hiddenSockets(node).length > hidden);
}

const hiddenSockets = ({ kubelet }: GuestNode) =>
  readdirSync(dirname(kubelet.socket)).filter((name) => name.startsWith(".video"));
