import type { RelayEvent } from "./relay.ts";
import type { LoopPair, LoopSettings, PlaceholderParts } from "./relay-loop.ts";

/** What a Worker gets when it starts. */
export interface ThreadData {
  readonly settings: LoopSettings;
  /** Memory of `RelayCounters`. */
  readonly counters: SharedArrayBuffer;
  /** An eventfd: the main thread writes to it after each message, since the Worker waits in poll(2). */
  readonly wake: number;
}

export type ToThread =
  | { readonly kind: "add"; readonly pair: LoopPair }
  /** `number` is in the answer. */
  | { readonly kind: "remove"; readonly id: string; readonly number: number }
  | { readonly kind: "placeholder"; readonly id: string; readonly placeholder: PlaceholderParts };

export type FromThread =
  | { readonly kind: "event"; readonly event: RelayEvent }
  /** From now on the thread doesn't use the files of the pair that message `number` named. */
  | { readonly kind: "removed"; readonly number: number };
