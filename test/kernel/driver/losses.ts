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

/** How long events may take, ms: the machine is emulated. */
const EVENTS_MS = 1000;

/** What announces a loss, of the two that the plugin listens to. */
async function announcedBy(lose: () => unknown): Promise<string[]> {
  const announced = new Set<string>();
  const stop = new AbortController();
  const isOurs = (name: string) => name === ID;
  watchDirectory("/dev", isOurs, () => announced.add("inotify"), stop.signal, systemClock);
  const watching = watchUevents(
    {
      open: () => ueventSource(linuxCalls().openUevents()),
      matches: ({ action, path }) => action === "remove" && isOurs(basename(path)),
      notify: () => announced.add("uevent"),
      onUnavailable: (reason) => announced.add(String(reason)),
      clock: systemClock,
    },
    stop.signal,
  );
  await Bun.sleep(EVENTS_MS / 5);
  await lose();
  await Bun.sleep(EVENTS_MS);
  stop.abort();
  await watching;
  return [...announced].sort();
}

/** How it is known at once that a device is gone. */
export const losses: readonly Scenario[] = [
  {
    name: "a deleted node is announced by inotify alone",
    async run(stage) {
      equal((await stage.driver().ensure()).failed.length, 0);
      deepEqual(await announcedBy(() => rmSync(`/dev/${ID}`)), ["inotify"]);
      return undefined;
    },
  },
  {
    name: "a removed device is announced by inotify and by a uevent",
    async run(stage) {
      if (!stage.isDynamic) return "can't be removed";
      equal((await stage.driver().ensure()).failed.length, 0);
      deepEqual(await announcedBy(() => removeDevice(ID)), ["inotify", "uevent"]);
      return undefined;
    },
  },
  {
    name: "an unloaded module is announced by inotify and by a uevent",
    async run(stage) {
      equal((await stage.driver().ensure()).failed.length, 0);
      deepEqual(await announcedBy(() => stage.unload("v4l2loopback")), ["inotify", "uevent"]);
      return undefined;
    },
  },
  {
    name: "a removed device whose node stays is announced by a uevent alone",
    async run(stage) {
      const driver = stage.driver();
      equal((await driver.ensure()).failed.length, 0);
      rmSync(`/dev/${ID}`);
      equal((await driver.ensure()).failed.length, 0);
      const lose = () => (stage.isDynamic ? removeDevice(ID) : stage.unload("v4l2loopback"));
      deepEqual(await announcedBy(lose), ["uevent"]);
      const { reason } = (await driver.inspect())[1] ?? {};
      equal(reason, stage.isDynamic ? "missing" : "module_gone");
      return undefined;
    },
  },
];
