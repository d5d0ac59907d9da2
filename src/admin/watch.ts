import { equals } from "@bufbuild/protobuf";
import type { Clock } from "../common/clock.ts";
import { Notify } from "../common/notify.ts";
import { type Status, StatusSchema } from "../gen/videodevice/admin/v1/admin_pb.ts";

/** Where the status comes from. */
export interface StatusSource {
  /** Everything that is known at this moment. */
  status(): Status;
  /** Calls `listener` when something may have changed. Returns the way to unsubscribe. */
  subscribe(listener: () => void): () => void;
}

/** Times of a watch, ms. */
export interface WatchTimes {
  /** Least time between two statuses. */
  readonly quietMs: number;
  /** Between two looks while nobody tells of a change: that a device has become free by the passing of time, say. */
  readonly lookMs: number;
}

export const defaultWatchTimes: WatchTimes = { quietMs: 100, lookMs: 1000 };

/**
 * The status now, and again after each change, until `signal` aborts. One is made only when the reader has
 * taken the last one, so a slow reader misses states, holds nothing up and ends at the newest.
 */
export async function* watchStatus(
  source: StatusSource,
  clock: Clock,
  signal: AbortSignal,
  { quietMs, lookMs }: WatchTimes = defaultWatchTimes,
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
        await changed.wait(clock, lookMs, signal);
      }
    }
  } finally {
    unsubscribe();
  }
}

/** Whether two statuses tell the same, whenever they were made. */
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
