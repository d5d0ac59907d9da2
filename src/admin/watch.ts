import { equals } from "@bufbuild/protobuf";
import type { Clock } from "../common/clock.ts";
import { Notify } from "../common/notify.ts";
import { type Status, StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** Source of the status. */
export interface StatusSource {
  /** Returns the current status. */
  status(): Status;
  /** Calls `listener` when the status may have changed. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}

/** Times of a watch, ms. */
export interface WatchTimes {
  /** Least time between two statuses. */
  readonly quietMs: number;
  /** Time between two checks without a notification: a device may become free by the passing of time. */
  readonly pollMs: number;
}

export const defaultWatchTimes: WatchTimes = { quietMs: 100, pollMs: 1000 };

/**
 * Yields the status at once, and again after each change, until `signal` aborts. Builds the next one only when the
 * reader asks for it, so a slow reader misses states, delays nothing, and gets the newest in the end.
 */
export async function* watchStatus(
  source: StatusSource,
  clock: Clock,
  signal: AbortSignal,
  { quietMs, pollMs }: WatchTimes = defaultWatchTimes,
): AsyncGenerator<Status> {
  const changed = new Notify();
  const unsubscribe = source.subscribe(changed.notify);
  let sent: Status | undefined;
  try {
    while (!signal.aborted) {
      const status = source.status();
      if (sent === undefined || !isSame(sent, status)) {
        sent = status;
        yield status;
        await clock.sleep(quietMs, signal);
      } else {
        await changed.wait(clock, pollMs, signal);
      }
    }
  } finally {
    unsubscribe();
  }
}

/** True if two statuses differ at most in their time. */
function isSame(one: Status, other: Status): boolean {
  return equals(
    StatusSchema,
    { ...one, observedAt: undefined } as Status,
    {
      ...other,
      observedAt: undefined,
    } as Status,
  );
}
