import { type FSWatcher, statSync, watch } from "node:fs";
import type { Clock } from "./clock.ts";

/**
 * Nudges that come closer together than this, in ms, are one: a device's creation makes several. Short,
 * because a kubelet's restart and a device's loss should be known at once.
 */
export const coalesceMs = 5;

/** How often it is checked, in ms, that the directory watched is still the one of that name. */
export const rearmMs = 2000;

/**
 * Calls `notify` after something happened to a name in `dir` that `matches`, until `signal` aborts.
 *
 * inotify watches an inode, not a path: a directory that is replaced goes silent without an error. So
 * the path is looked at every {@link rearmMs}; a directory that isn't there yet is watched once it is.
 * Events of names that don't match are not passed on: /dev is a busy place.
 */
export function watchDirectory(
  dir: string,
  matches: (name: string) => boolean,
  notify: () => void,
  signal: AbortSignal,
  clock: Clock,
): void {
  let watcher: FSWatcher | undefined;
  let watched: string | undefined;
  let pending: ReturnType<typeof setTimeout> | undefined;

  const schedule = () => {
    pending ??= setTimeout(() => {
      pending = undefined;
      notify();
    }, coalesceMs);
  };
  const disarm = () => {
    watcher?.close();
    watcher = undefined;
    watched = undefined;
  };
  const arm = () => {
    const identity = identityOf(dir);
    if (identity === watched) return;
    disarm();
    if (identity === undefined) return;
    try {
      // Without a name (inotify's queue overflowed) it may have been any.
      watcher = watch(dir, (_event, name) => {
        if (name === null || matches(name)) schedule();
      });
      watcher.on("error", disarm);
      watched = identity;
    } catch {
      // Gone again, or fs.inotify.max_user_watches is used up: the next round tries again.
    }
  };
  const keepArmed = async () => {
    arm();
    for (;;) {
      await clock.sleep(rearmMs, signal);
      if (signal.aborted) break;
      const before = watched;
      arm();
      // What happened between the two directories was seen by nobody.
      if (watched !== before) schedule();
    }
    disarm();
    clearTimeout(pending);
  };

  if (!signal.aborted) void keepArmed();
}

/**
 * The birth time tells a directory from the one before it, whose inode number ext4 gives it at once. Where there is none
 * it is 0: the change time would be another one with each of the directory's files.
 */
function identityOf(dir: string): string | undefined {
  try {
    const { dev, ino, birthtimeNs } = statSync(dir, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return undefined;
  }
}
