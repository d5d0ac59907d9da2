import { deepEqual, equal, match, notDeepEqual, ok } from "node:assert/strict";
import type { ModuleVersion } from "../provision.ts";
import { hold, identity, loaded, passFrames, rmmod } from "./cameras.ts";
import { eventually } from "./eventually.ts";
import { ALL, type GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

/** Of devices that were never requested the kubelet is to prefer the first. */
const FIRST = ALL[0] ?? "";
const LAST = ALL.at(-1) ?? "";

/** A process of the host, which is this one, holds devices open. */
export function held(version: ModuleVersion): Story {
  /** True if a reset makes a new device: 0.12 cleans it in place. */
  const adds = version !== "0.12.7";
  let close = () => {};
  return [
    {
      name: "a clean device that a process holds open is refused to one pod, which reads the process's name",
      async run(node) {
        if (loaded(["v4l2loopback"]).length > 0) rmmod("v4l2loopback");
        await node.kubelet.start();
        node.plugin.start("--log-level=debug");
        await node.allocatable(8);
        close = hold(FIRST);
        const { phase, message } = await addPod(node, "refused");
        equal(phase, "Failed");
        // On a busy machine the wait for the process and the search for its name may take Allocate's 2 s.
        const named = `${FIRST} is held open by .*\\(process ${process.pid}\\)`;
        match(message ?? "", new RegExp(`${named}|The cleaning of ${FIRST} took longer than 2 s`));
        await node.allocatable(7);
        equal(node.kubelet.devices()[FIRST], "Unhealthy");
        const logged = await eventually("the process's name", () => {
          return node.plugin.log.saying("Device held open").at(0);
        });
        deepEqual([logged["device_id"], logged["reason"]], [FIRST, "held"]);
        match(String(logged["detail"]), new RegExp(`\\(process ${process.pid}\\)`));
      },
    },
    {
      name: "the next pod gets another device, through which frames pass",
      async run(node) {
        equal((await addPod(node, "next")).phase, "Running");
        const [id = ""] = node.kubelet.allocations()["next"] ?? [];
        ok(ALL.includes(id) && id !== FIRST, id);
        await passFrames(`/dev/${id}`, () => undefined);
      },
    },
    {
      name: "once the process has closed the device it is reset and offered again",
      async run(node) {
        const before = identity(FIRST);
        close();
        await node.allocatable(8);
        await eventually("its reset", () => {
          const resets = node.plugin.log.saying("Device reset");
          return resets.some((entry) => entry["device_id"] === FIRST);
        });
        if (adds) notDeepEqual(identity(FIRST), before);
        const again = await addPod(node, "again");
        equal(again.phase, "Running");
      },
    },
    {
      name: "a free device that a process holds open leaves the offer without any pod, and comes back",
      async run(node) {
        const [used = ""] = node.kubelet.allocations()["next"] ?? [];
        close = hold(LAST);
        // Looks lock a free device for a moment, and never that of a pod.
        await passFrames(`/dev/${used}`, () => undefined);
        await node.allocatable(7);
        equal(node.kubelet.devices()[LAST], "Unhealthy");
        close();
        await node.allocatable(8);
      },
    },
    {
      name: "a device that a process opens for a moment, as udev does, stays in the offer, and is not reset",
      async run(node) {
        const lists = node.plugin.log.saying("Device list sent").length;
        const before = identity(LAST);
        for (let n = 0; n < 20; n++) {
          const closeSoon = hold(LAST);
          await Bun.sleep(400);
          closeSoon();
          await Bun.sleep(400);
        }
        equal(node.plugin.log.saying("Device list sent").length, lists);
        deepEqual(identity(LAST), before);
        for (const name of ["next", "again"]) node.kubelet.removePod(name);
        await node.stopPlugin();
      },
    },
  ];
}

function addPod({ kubelet }: GuestNode, name: string) {
  return kubelet.addPod({ name, containers: [{ name: "app", devices: 1 }] });
}
