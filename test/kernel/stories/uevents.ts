import { deepEqual, equal } from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { parseDevice } from "../../../src/linux/device-number.ts";
import type { ModuleVersion } from "../provision.ts";
import { modprobe, removeDevice, rmmod, run } from "./cameras.ts";
import { PATIENCE_MS } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

/** Where only the plugin makes nodes: they stay when their devices are removed, so inotify reports nothing. */
const PRIVATE_DIR = "/run/own-dev";
const IDS = ["video10", "video11"];

/** Longer than the story, as the timer is not to help. */
const FLAGS = [
  ...[`--device-dir=${PRIVATE_DIR}`, `--max-devices=${IDS.length}`],
  "--health-check-interval=3600",
];

/** A device directory in which nothing happens: only the kernel's uevents report a loss. */
export function uevents(version: ModuleVersion): Story {
  /** The devices whose loss is tried: a single one if the version can lose it. */
  const lost = version === "0.12.7" ? IDS : ["video11"];
  return [
    {
      name: "in a directory without devtmpfs it makes the nodes itself",
      async run(node) {
        mkdirSync(PRIVATE_DIR);
        modprobe("v4l2loopback", "devices=0");
        makeControlNode();
        node.plugin.start(...FLAGS);
        await health(node, IDS, "Healthy");
        for (const id of IDS)
          equal(statSync(`${PRIVATE_DIR}/${id}`).rdev, statSync(`/dev/${id}`).rdev);
      },
    },
    {
      name: "a removed device whose node stays is unhealthy long before the next inspection, and re-created",
      async run(node) {
        const nodes = lost.map((id) => statSync(`${PRIVATE_DIR}/${id}`).ino);
        const unhealthy = health(node, lost, "Unhealthy");
        if (version === "0.12.7") rmmod("v4l2loopback");
        else removeDevice("video11");
        await unhealthy;
        await health(node, IDS, "Healthy");
        const after = lost.map((id) => statSync(`${PRIVATE_DIR}/${id}`).ino);
        deepEqual(
          after.map((ino, index) => ino !== nodes[index]),
          lost.map(() => true),
        );
        await node.stopPlugin();
      },
    },
  ];
}

function makeControlNode(): void {
  try {
    const number = readFileSync("/sys/class/misc/v4l2loopback/dev", "utf8");
    const { major, minor } = parseDevice(number) ?? { major: 0, minor: 0 };
    run(["/bin/busybox", "mknod", `${PRIVATE_DIR}/v4l2loopback`, "c", `${major}`, `${minor}`]);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function health({ kubelet, plugin }: GuestNode, ids: readonly string[], wanted: string) {
  return kubelet.until(
    () => ids.every((id) => kubelet.devices()[id] === wanted),
    PATIENCE_MS,
    `${ids.join()} ${wanted}; the plugin's log ends:\n${plugin.log.tail()}\n`,
  );
}
