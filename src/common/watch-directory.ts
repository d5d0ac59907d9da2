import { type FSWatcher, statSync, watch } from "node:fs";
import type { Clock } from "./clock.ts";
import { coalesced } from "./notify.ts";

/** Milliseconds between checks that the watched directory is still the one with that path. */
const rearmMs = 2000;

/**
 * Calls `notify` after something happened to a name in `dir` that `matches`, until `signal` aborts.
 *
 * inotify watches an inode, not a path: it says nothing when the directory is replaced. So this checks the path every
 * two seconds, and also finds a directory that is created later. /dev is a busy place, hence `matches`.
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
  const soon = coalesced(notify);
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
      // No name: inotify's queue overflowed, so any name may have changed.
      watcher = watch(dir, (_event, name) => {
        if (name === null || matches(name)) soon.notify();
      });
      watcher.on("error", disarm);
      watched = identity;
    } catch {
      // The directory was removed, or fs.inotify.max_user_watches is used up: the next check tries again.
    }
  };
  const keepArmed = async () => {
    arm();
    for (;;) {
      await clock.sleep(rearmMs, signal);
      if (signal.aborted) break;
      const before = watched;
      arm();
      // Changes between the two directories went unseen.
      if (watched !== before) soon.notify();
    }
    disarm();
    soon.cancel();
  };

  if (!signal.aborted) void keepArmed();
}

/**
 * The birth time distinguishes a directory from its predecessor, whose inode number ext4 reuses at once. File systems
 * without birth times report 0; the change time won't do, as it changes with each file in the directory.
 */
function identityOf(dir: string): string | undefined {
  try {
    const { dev, ino, birthtimeNs } = statSync(dir, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return undefined;
  }
}
