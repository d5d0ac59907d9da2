import { deepEqual, equal } from "node:assert/strict";
import { rmSync } from "node:fs";
import { basename } from "node:path";
import { systemClock } from "../../../src/common/clock.ts";
import { watchDirectory } from "../../../src/common/watch-directory.ts";
import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import { ueventSource, watchUevents } from "../../../src/linux/uevents.ts";
import { removeDevice } from "../stories/cameras.ts";
import type { Scenario } from "./scenario.ts";

const ID = "video11";

/** How long events may take, ms: the machine is emulated. Nobody who didn't come by then is waited for. */
const EVENTS_MS = 1000;

/** What tells of a loss, of the two that the plugin listens to. */
async function toldBy(lose: () => unknown): Promise<string[]> {
  const told = new Set<string>();
  const stop = new AbortController();
  const isOurs = (name: string) => name === ID;
  watchDirectory("/dev", isOurs, () => told.add("inotify"), stop.signal, systemClock);
  const watching = watchUevents(
    {
      open: () => ueventSource(linuxCalls().openUevents()),
      matches: ({ action, path }) => action === "remove" && isOurs(basename(path)),
      notify: () => told.add("uevent"),
      onUnavailable: (reason) => told.add(String(reason)),
      clock: systemClock,
    },
    stop.signal,
  );
  await Bun.sleep(EVENTS_MS / 5);
  await lose();
  await Bun.sleep(EVENTS_MS);
  stop.abort();
  await watching;
  return [...told].sort();
}

/** How it is known at once that a device is gone. */
export const losses: readonly Scenario[] = [
  {
    name: "a node that is deleted is told by inotify alone",
    async run(stage) {
      equal((await stage.driver().ensure()).failed.length, 0);
      deepEqual(await toldBy(() => rmSync(`/dev/${ID}`)), ["inotify"]);
      return undefined;
    },
  },
  {
    name: "a device that is removed is told by inotify and by a uevent",
    async run(stage) {
      if (!stage.isDynamic) return "can't be removed";
      equal((await stage.driver().ensure()).failed.length, 0);
      deepEqual(await toldBy(() => removeDevice(ID)), ["inotify", "uevent"]);
      return undefined;
    },
  },
  {
    name: "a module that is unloaded is told by inotify and by a uevent",
    async run(stage) {
      equal((await stage.driver().ensure()).failed.length, 0);
      deepEqual(await toldBy(() => stage.unload("v4l2loopback")), ["inotify", "uevent"]);
      return undefined;
    },
  },
  {
    name: "of a device whose node outlives it a uevent tells alone",
    async run(stage) {
      const driver = stage.driver();
      equal((await driver.ensure()).failed.length, 0);
      rmSync(`/dev/${ID}`);
      equal((await driver.ensure()).failed.length, 0);
      const lose = () => (stage.isDynamic ? removeDevice(ID) : stage.unload("v4l2loopback"));
      deepEqual(await toldBy(lose), ["uevent"]);
      const { reason } = (await driver.inspect())[1] ?? {};
      equal(reason, stage.isDynamic ? "missing" : "module_gone");
      return undefined;
    },
  },
];
