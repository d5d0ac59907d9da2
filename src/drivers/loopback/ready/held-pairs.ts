import { basename } from "node:path";
import type { Clock } from "../../../common/clock.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { type Polling, pollUntil } from "../../../common/poll-until.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { VideoFile } from "../../../v4l2/video-file.ts";
import type { DriverDevice } from "../../driver.ts";
import { attempt, controlId } from "../cleaning/frame-scrub.ts";
import type { LoopbackDriver } from "../loopback-driver.ts";
import { formatAttribute, frameBytesOf } from "./frame-format.ts";
import {
  fixFeed,
  type Generation,
  generationOf,
  type HoldContext,
  holdCamera,
  keepCapture,
  stayCapture,
  whyNotListed,
} from "./hold.ts";
import { singlesOf } from "./pair.ts";
import type { ReadySettings } from "./ready-settings.ts";
import type { Relay } from "./relay.ts";

export interface HeldPairsDeps {
  readonly clock: Clock;
  readonly relay: Relay;
  readonly placeholder: (id: string, problem: string) => Uint8Array;
}

/** How long a successor may take to open the next camera, and the pause between two looks, ms. */
const successorPatience: Polling = { patienceMs: 3000, pauseMs: 5 };

/** An open file, and the ID of its device. */
type HeldFile = VideoFile & { readonly id: string };

/** This process's files of a pair: the camera's writer, and the feed's reader. */
interface HeldPair {
  readonly camera: HeldFile;
  readonly feed: HeldFile;
  /** Of the module: it can't be another one while the files are open. */
  readonly generation: Generation;
}

/** The pairs that this process holds open: their cameras are listed, and the relay copies their frames. */
export class HeldPairs {
  readonly #singles: LoopbackDriver;
  readonly #settings: ReadySettings;
  readonly #deps: HeldPairsDeps;
  readonly #pairs = new Map<string, HeldPair>();

  constructor(singles: LoopbackDriver, settings: ReadySettings, deps: HeldPairsDeps) {
    this.#singles = singles;
    this.#settings = settings;
    this.#deps = deps;
  }

  has(id: string): boolean {
    return this.#pairs.has(id);
  }

  /** The end of a sentence: why a camera is not as this process should keep it; undefined if it is. */
  whyNot(id: string): string | undefined {
    if (!this.has(id)) return "this process does not hold it open";
    return this.#deps.relay.report().isRunning ? undefined : "the relay of its frames has ended";
  }

  /**
   * Opens both devices of a pair, relays from now on, and looks at the camera as a browser does.
   * @throws PluginError `device_not_ready`, `device_busy`, `reset_failed`.
   */
  async hold(device: DriverDevice): Promise<void> {
    const { id } = device;
    const [{ id: cameraId }, { id: feedId }] = singlesOf(device);
    const { relay, placeholder } = this.#deps;
    const context = this.#context();
    const frame = placeholder(id, "");
    const opened: VideoFile[] = [];
    const open = (single: string) => {
      const file = this.#singles.open(single);
      opened.push(file);
      return file;
    };
    try {
      const camera = open(cameraId);
      await holdCamera(camera, frame, context);
      const feed = fixFeed(() => open(feedId), context, this.#isFixed(feedId));
      this.#verify(cameraId);
      this.#pairs.set(id, {
        camera: { ...camera, id: cameraId },
        feed: { ...feed, id: feedId },
        generation: context.generation,
      });
      relay.add({
        id,
        feed: feed.fd,
        camera: camera.fd,
        frameBytes: frameBytesOf(this.#settings),
        takesRounded: context.generation === "0.12",
        placeholder: frame,
      });
    } catch (error) {
      for (const file of opened) file.close();
      throw notReady(id, error);
    }
  }

  /**
   * Ends the relay of a pair and closes its files. A pair that isn't held is a success.
   * @param stays True if the camera shall stay listed without this process, where its version can do that.
   */
  async release(id: string, stays = false): Promise<void> {
    const pair = this.#pairs.get(id);
    if (pair === undefined) return;
    await this.#deps.relay.remove(id);
    this.#pairs.delete(id);
    // A program may have set it otherwise: then the buffers would go with the last close, before a reset overwrites them, and
    // so would the tracks of running pages.
    for (const file of [pair.camera, pair.feed]) {
      attempt(() => file.setControl(controlId.keepFormat, 1));
    }
    if (pair.generation === "0.12") this.#takeImageOrder(pair);
    if (stays && pair.generation === "0.13") stayCapture(pair.camera);
    // A successor begins with the camera, and needs the feed then.
    pair.feed.close();
    pair.camera.close();
  }

  /**
   * Releases the pairs one by one, each once another process has opened its camera to be its next writer: until then it
   * stays listed and relayed. Gives up, and leaves the rest held, if that process takes too long for one.
   *
   * Only from 0.14 on: 0.12 cameras stay listed without a writer, and on 0.13 two writers at a time disturb each other.
   */
  async handOver(): Promise<void> {
    const pairs = [...this.#pairs].filter(([, { generation }]) => generation === "0.14");
    const ids = pairs.map(([id]) => id);
    using watch = attempt(() => this.#singles.watchOpens(ids));
    if (watch === undefined) return;
    const opened = new Set<string>();
    for (const id of ids) {
      const isAwaited = () => {
        for (const path of watch.opened()) opened.add(basename(path));
        return opened.has(id);
      };
      if (!(await pollUntil(isAwaited, this.#deps.clock, successorPatience))) return;
      await this.release(id, true);
    }
  }

  /**
   * Undoes what programs that write to a camera themselves leave, and a last instance that has ended; only 0.13 lets them.
   * @returns true if there are such cameras.
   */
  keepListed(): boolean {
    const cameras = [...this.#pairs.values()].filter(({ generation }) => generation === "0.13");
    for (const { camera } of cameras) attempt(() => keepCapture(camera));
    return cameras.length > 0;
  }

  /**
   * On 0.12 a program can order that the next opener gets the timeout image. Without buffers that open fails, and counts
   * for ever: the device could never be reset. So it comes while there are buffers.
   */
  #takeImageOrder({ camera, feed }: HeldPair): void {
    for (const { id } of [camera, feed]) attempt(() => this.#singles.open(id).close());
  }

  #context(): HoldContext {
    const { moduleVersion } = this.#singles.describe();
    const generation = generationOf(moduleVersion);
    return { settings: this.#settings, generation, clock: this.#deps.clock };
  }

  #isFixed(feedId: string): boolean {
    const { format } = this.#singles.look(feedId) ?? {};
    return format?.startsWith(formatAttribute(this.#settings)) === true;
  }

  #verify(cameraId: string): void {
    using file = this.#singles.open(cameraId);
    const why = whyNotListed(file, this.#settings);
    if (why === undefined) return;
    throw new PluginError("device_not_ready", `No browser lists ${cameraId}: ${why}.`, {
      remedy: "See docs/ready-cameras.md.",
    });
  }
}

function notReady(id: string, error: unknown): PluginError {
  const errno = errnoNameOf(error);
  if (errno === undefined) return PluginError.from(error);
  const isBusy = errno === "EBUSY" || errno === "EINVAL";
  return new PluginError(
    "device_not_ready",
    `${id} could not be made a ready camera: ${PluginError.from(error).message}.`,
    {
      cause: error,
      remedy: isBusy
        ? `Find the process that writes to it, on the host: fuser -v /dev/${id}`
        : "Run the container privileged: nothing less may open the device.",
    },
  );
}
