import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { watchDirectory } from "../../common/watch-directory.ts";
import { type Uevent, type UeventSource, watchUevents } from "../../linux/uevents.ts";
import { SettleTimer } from "./settle-timer.ts";

export interface WatchPlugsDeps {
  /** @throws ErrnoError where uevents can't be had. */
  readonly openUevents: () => UeventSource;
  /** Where this process sees the host's /dev, which is watched where there are no uevents. */
  readonly deviceDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Calls `notify` when video devices are plugged in or out, until `signal` aborts: what is gone counts at once; udev has to be
 * done with what is new.
 */
export function watchPlugs(
  { openUevents, deviceDir, clock, log }: WatchPlugsDeps,
  notify: () => void,
  signal: AbortSignal,
): void {
  const plugged = new SettleTimer(clock, notify, signal);
  const isVideo = (name: string) => /^video\d+$/.test(name);
  const uevents = {
    open: openUevents,
    matches: ({ action, path }: Uevent) => {
      if (!/\/video4linux\/video\d+$/.test(path)) return false;
      if (action === "remove") return true;
      plugged.extend();
      return false;
    },
    onUnavailable: (reason: unknown) => {
      log.debug("No uevents here", PluginError.from(reason).fields());
      const soon = () => {
        notify();
        plugged.extend();
      };
      watchDirectory(deviceDir, isVideo, soon, signal, clock);
    },
  };
  void watchUevents({ ...uevents, notify, clock }, signal);
}
