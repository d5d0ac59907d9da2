import type { RelayReport } from "../../driver.ts";

/** A feed and the camera that gets its frames. */
export interface RelayedPair {
  /** Of the device: `video10`. */
  readonly id: string;
  /**
   * File descriptors, non-blocking. The caller opens them, so that they outlive the relay, and closes them once
   * {@link Relay.remove} has resolved.
   */
  readonly feed: number;
  readonly camera: number;
  /** Bytes of a frame. */
  readonly frameBytes: number;
  /**
   * True if writers may send frames that are rounded up to whole pages of 4096 bytes: v4l2sink on v4l2loopback 0.12.
   */
  readonly takesRounded: boolean;
  /** An encoded frame of `frameBytes`. */
  readonly placeholder: Uint8Array;
}

/**
 * What happens at a pair. `application`, `placeholder`: the camera shows that from now on; a new pair shows the
 * placeholder. `wrong_size`: the feed got a frame of `bytes`; once until it gets a right one, which is followed by
 * `application`, and once a second at most.
 */
export type RelayEvent =
  | { readonly id: string; readonly kind: "application" | "placeholder" }
  | { readonly id: string; readonly kind: "wrong_size"; readonly bytes: number };

/**
 * Copies frames from feeds to cameras, beside the event loop of this process: in a Worker, which is started again
 * when it ends. All of it works with file descriptors that the caller owns, so cameras stay cameras meanwhile.
 */
export interface Relay {
  /** Starts the Worker, which the first pair would start: that takes longer than all else of a take-over. */
  start(): void;
  /** Relays a pair from now on. Of one ID there is one pair. */
  add(pair: RelayedPair): void;
  /** Resolves when the Worker no longer uses the pair's files. An ID that isn't relayed is a success. */
  remove(id: string): Promise<void>;
  /** Replaces a pair's placeholder, which is shown at once if the pair shows one. */
  setPlaceholder(id: string, frame: Uint8Array): void;
  /** `problem` is empty in each camera: the driver fills it in. */
  report(): RelayReport;
  /** Ends the Worker. Resolves when it no longer uses any file. */
  close(): Promise<void>;
}
