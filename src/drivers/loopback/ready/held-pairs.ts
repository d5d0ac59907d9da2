import type { Clock } from "../../../common/clock.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { VideoFile } from "../../../v4l2/video-file.ts";
import type { DriverDevice } from "../../driver.ts";
import { attempt } from "../cleaning/frame-scrub.ts";
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
    if (pair.generation === "0.12") this.#takeImageOrder(pair);
    if (stays && pair.generation === "0.13") stayCapture(pair.camera);
    pair.camera.close();
    pair.feed.close();
  }

  /** Undoes what programs that write to a camera themselves leave; only 0.13 lets them. */
  keepListed(): void {
    for (const { camera, generation } of this.#pairs.values()) {
      if (generation === "0.13") attempt(() => keepCapture(camera));
    }
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
