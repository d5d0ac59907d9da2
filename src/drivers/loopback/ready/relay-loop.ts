import { type PollCalls, PollSet, pollIn } from "../../../linux/poll-calls.ts";
import { applyPatch, type FramePatch } from "./frame-patch.ts";
import type { RelayEvent, RelayedPair } from "./relay.ts";
import type { RelayCounters } from "./relay-counters.ts";

/** A pair as the loop gets it. */
export interface LoopPair extends Omit<RelayedPair, "placeholder"> {
  /** Place of its counts. */
  readonly slot: number;
  readonly placeholder: PlaceholderParts;
}

/** A placeholder, as its difference from the frame that all cameras share. */
export interface PlaceholderParts {
  readonly base: Uint8Array;
  readonly patch: FramePatch;
}

export interface LoopSettings {
  readonly idleMs: number;
  /** Frames a second. */
  readonly placeholderRate: number;
}

/** Files of the pairs. None waits: the files are non-blocking. */
export interface LoopFiles {
  readonly poll: PollCalls["poll"];
  /** Returns the bytes of a frame; undefined if there is none, or its file is in error. */
  read(fd: number, into: Uint8Array): number | "none" | "failed";
  /** Returns false if the device took less than all of it. */
  write(fd: number, frame: Uint8Array): boolean;
}

export interface LoopDeps {
  readonly files: LoopFiles;
  readonly counters: RelayCounters;
  /** Monotonic milliseconds, with fractions. */
  readonly now: () => number;
  readonly emit: (event: RelayEvent) => void;
}

/** v4l2sink writes whole pages on v4l2loopback 0.12. */
const pageBytes = 4096;

/** A poll ends after that long, ms, so that the main thread sees the loop alive. */
export const longestPollMs = 1000;

/**
 * How long the loop leaves a feed alone, ms, so that no application has it spin. `fast`: after a frame that came within
 * `fastMs` of the one before, so that at most 250 frames a second go to a camera, twice the fastest rate. `mistake`:
 * after a frame of the wrong size, and if the feed was ready and had no frame. `error`: the feed or the camera is in
 * error.
 */
const pauseMs = { fast: 8, mistake: 10, error: 250 } as const;
const fastMs = 4;

/** Time between two reports of frames with the wrong size, ms: an application may alternate right and wrong ones. */
const wrongSizeEventMs = 1000;

interface RelayedCamera {
  readonly pair: LoopPair;
  placeholder: PlaceholderParts;
  /** When the camera gets its next placeholder. */
  due: number;
  /** The loop reads the feed from then on. */
  pausedUntil: number;
  lastFrame: number;
  /** Frames have the wrong size, and that was reported. */
  hasWrongSize: boolean;
  lastWrongSizeEvent: number;
}

/**
 * Copies frames from feeds to cameras, one frame of each feed a turn, so that no application gets more than its share.
 * A camera shows its placeholder when its feed was silent for `idleMs`, again and again.
 */
export class RelayLoop {
  readonly #settings: LoopSettings;
  readonly #deps: LoopDeps;
  readonly #cameras = new Map<string, RelayedCamera>();
  readonly #set = new PollSet();
  #buffer = new Uint8Array(0);

  constructor(settings: LoopSettings, deps: LoopDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Shows the placeholder at once, unless the camera showed the application's frames when the last Worker ended. */
  add(pair: LoopPair): void {
    const { counters, now } = this.#deps;
    // Longer than a frame, so that a larger one is seen as what it is.
    const needed = 2 * Math.max(pair.frameBytes, pageBytes);
    if (this.#buffer.length < needed) this.#buffer = new Uint8Array(needed);
    this.#cameras.set(pair.id, {
      pair,
      placeholder: pair.placeholder,
      due: now() + (counters.showsApplication(pair.slot) ? this.#settings.idleMs : 0),
      pausedUntil: 0,
      lastFrame: Number.NEGATIVE_INFINITY,
      hasWrongSize: false,
      lastWrongSizeEvent: Number.NEGATIVE_INFINITY,
    });
  }

  remove(id: string): void {
    this.#cameras.delete(id);
  }

  setPlaceholder(id: string, placeholder: PlaceholderParts): void {
    const camera = this.#cameras.get(id);
    if (camera === undefined) return;
    camera.placeholder = placeholder;
    if (!this.#deps.counters.showsApplication(camera.pair.slot)) camera.due = this.#deps.now();
  }

  /** Waits until a feed has a frame, a placeholder is due, or `wake` can be read, and does all that is to be done. */
  turn(wake: number): { readonly woken: boolean } {
    const { files, counters, now } = this.#deps;
    const cameras = [...this.#cameras.values()];
    const started = now();
    this.#set.clear();
    this.#set.add(wake);
    for (const { pair, pausedUntil } of cameras) {
      this.#set.add(pausedUntil > started ? -1 : pair.feed);
    }
    files.poll(this.#set, this.#timeout(cameras, started));
    counters.countTurn();
    const polled = now();
    cameras.forEach((camera, index) => {
      const events = this.#set.events(index + 1);
      if (events !== 0) this.#relay(camera, events, polled);
    });
    for (const camera of cameras) {
      if (camera.due <= now()) this.#showPlaceholder(camera);
    }
    return { woken: this.#set.events(0) !== 0 };
  }

  /** Milliseconds until there is something to do, rounded up, so that it is due then. */
  #timeout(cameras: readonly RelayedCamera[], now: number): number {
    let next = now + longestPollMs;
    for (const { due, pausedUntil } of cameras) {
      next = Math.min(next, due);
      if (pausedUntil > now) next = Math.min(next, pausedUntil);
    }
    return Math.max(0, Math.ceil(next - now));
  }

  #relay(camera: RelayedCamera, events: number, polled: number): void {
    const { files, counters, now } = this.#deps;
    const { feed, camera: to, frameBytes, slot } = camera.pair;
    const read = (events & pollIn) === 0 ? "failed" : files.read(feed, this.#buffer);
    if (read === "failed") {
      camera.pausedUntil = now() + pauseMs.error;
    } else if (read === "none" || read === 0) {
      camera.pausedUntil = now() + pauseMs.mistake;
    } else if (!isFrame(camera.pair, read)) {
      counters.countDroppedFrame(slot);
      camera.pausedUntil = now() + pauseMs.mistake;
      this.#reportWrongSize(camera, read);
    } else if (files.write(to, this.#buffer.subarray(0, frameBytes))) {
      const written = now();
      counters.countApplicationFrame(slot, (written - polled) / 1000);
      camera.due = written + this.#settings.idleMs;
      if (polled - camera.lastFrame < fastMs) camera.pausedUntil = polled + pauseMs.fast;
      camera.lastFrame = polled;
      this.#showsApplication(camera);
    } else {
      counters.countDroppedFrame(slot);
      camera.pausedUntil = now() + pauseMs.error;
    }
  }

  #showsApplication(camera: RelayedCamera): void {
    const { counters, emit } = this.#deps;
    const { id, slot } = camera.pair;
    if (counters.showsApplication(slot) && !camera.hasWrongSize) return;
    camera.hasWrongSize = false;
    counters.setShowsApplication(slot, true);
    emit({ id, kind: "application" });
  }

  #reportWrongSize(camera: RelayedCamera, bytes: number): void {
    const now = this.#deps.now();
    if (camera.hasWrongSize || now - camera.lastWrongSizeEvent < wrongSizeEventMs) return;
    camera.hasWrongSize = true;
    camera.lastWrongSizeEvent = now;
    this.#deps.emit({ id: camera.pair.id, kind: "wrong_size", bytes });
  }

  #showPlaceholder(camera: RelayedCamera): void {
    const { files, counters, now, emit } = this.#deps;
    const { id, slot, camera: to } = camera.pair;
    if (files.write(to, this.#compose(camera.placeholder))) counters.countPlaceholderFrame(slot);
    // Not `due + period`: after a pause of this thread there would be a burst.
    camera.due = now() + 1000 / this.#settings.placeholderRate;
    if (!counters.showsApplication(slot)) return;
    counters.setShowsApplication(slot, false);
    emit({ id, kind: "placeholder" });
  }

  /** Puts a placeholder together where the next frame will be read: a frame of its own would be memory for a copy. */
  #compose({ base, patch }: PlaceholderParts): Uint8Array {
    const frame = this.#buffer.subarray(0, base.length);
    frame.set(base);
    applyPatch(frame, patch);
    return frame;
  }
}

function isFrame({ frameBytes, takesRounded }: LoopPair, bytes: number): boolean {
  if (bytes === frameBytes) return true;
  return takesRounded && bytes === Math.ceil(frameBytes / pageBytes) * pageBytes;
}
