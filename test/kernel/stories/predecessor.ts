import { deepEqual, ok } from "node:assert/strict";
import { release } from "node:os";
import { findModule } from "../../../src/drivers/loopback/module/find-module.ts";
import { PREDECESSORS_LABELS, predecessorsParameters } from "../../support/predecessor.ts";
import type { ModuleVersion } from "../provision.ts";
import { identity, modprobe, query, rmmod, run } from "./cameras.ts";
import { ALL, type GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

const POD = "bot";

/** The predecessor, written in Go, has loaded the module and ended. Begins with a module that is not in use. */
export function predecessor(version: ModuleVersion): Story {
  /** True if a device can get another label: 0.12 has no control device. */
  const relabels = version !== "0.12.7";
  let left: unknown;
  return [
    {
      name: "loaded as the Go plugin does it, the real module's labels have stray quotes",
      async run() {
        rmmod("v4l2loopback");
        modprobe("videodev");
        const file = findModule("/lib/modules", release()).at(-1) ?? "";
        run(["/bin/busybox", "insmod", file, ...predecessorsParameters(ALL.length)]);
        deepEqual(cards(), expectedCards());
      },
    },
    {
      name: "the plugin adopts all 8 without a reload, and leaves them as they are",
      async run(node) {
        left = ALL.map(nodeOf);
        node.plugin.start();
        await node.allocatable(8);
        const [setUp] = node.plugin.log.saying("Devices set up");
        deepEqual(setUp?.["adopted_device_ids"], ALL);
        deepEqual(setUp?.["created_device_ids"], []);
        deepEqual(ALL.map(nodeOf), left);
        deepEqual(cards(), expectedCards());
      },
    },
    {
      name: "it warns once for each of the three labels",
      async run({ plugin: { log } }) {
        const warnings = log.saying("Adopted devices have another card label");
        deepEqual(
          warnings.map((entry) => [entry["device_ids"], entry["card_label"]]),
          [ALL.slice(0, 1), ALL.slice(1, -1), ALL.slice(-1)].map((ids, index) => [
            ids,
            PREDECESSORS_LABELS[index],
          ]),
        );
      },
    },
    {
      name: relabels
        ? "the device that a pod then gets has the right label, as it is reset before"
        : "the device that a pod then gets is reset, and keeps its label",
      async run(node) {
        await node.kubelet.addPod({ name: POD, containers: [{ name: "app", devices: 1 }] });
        const id = deviceOf(node);
        const label = relabels ? "MeetingBot_WebCam" : expectedCards()[ALL.indexOf(id)];
        deepEqual(
          query([id]).map(({ card }) => card),
          [label],
        );
        const resets = node.plugin.log.saying("Device reset");
        ok(resets.some((entry) => entry["device_id"] === id));
        await node.kubelet.removePod(POD);
        await node.stopPlugin();
      },
    },
  ];
}

function deviceOf({ kubelet }: GuestNode): string {
  const [id = ""] = kubelet.allocations()[POD] ?? [];
  ok(ALL.includes(id), id);
  return id;
}

function cards(): (string | undefined)[] {
  return query(ALL).map(({ card }) => card);
}

function expectedCards(): string[] {
  const [first, between, last] = PREDECESSORS_LABELS;
  return ALL.map((_, index) => (index === 0 ? first : index < ALL.length - 1 ? between : last));
}

/** What a reload would change. */
function nodeOf(id: string) {
  const { ino, rdev } = identity(id);
  return { ino, rdev };
}
