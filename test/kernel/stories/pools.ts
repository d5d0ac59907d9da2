import { deepEqual, equal, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import type { ModuleVersion } from "../provision.ts";
import { roleOf } from "../query.ts";
import {
  hold,
  identity,
  loaded,
  modeOf,
  moduleParameter,
  passFrames,
  query,
  rmmod,
} from "./cameras.ts";
import { eventually } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import { assertSetUp, BOTS, OF_BOTS, OF_STUDIO, offered, STUDIO, startPools } from "./pool-file.ts";
import type { Story } from "./story.ts";

const EVERY = [...OF_BOTS, ...OF_STUDIO];

/** Two loopback pools of one config file share the module. */
export function pools(version: ModuleVersion): Story {
  /** True if the module has a control device, so that single devices are added and removed: 0.12 has none. */
  const adds = version !== "0.12.7";
  return [
    {
      name: adds
        ? "from one config file the devices of two pools are added to a module that is loaded once"
        : "from one config file the devices of two pools are created by one load of the module",
      async run(node) {
        await node.kubelet.start();
        await startPools(node, ["bots", "studio"]);
        assertSetUp(node, "created");
        const loads = node.plugin.log
          .saying("Module v4l2loopback loaded")
          .map(({ module_params: params }) => String(params).split(" max_buffers")[0] ?? "");
        // Whether a module has a control device shows only once it is loaded.
        const one = `devices=5 video_nr=10,11,12,20,21 exclusive_caps=1,1,1,0,0 card_label="${CARDS.join(",")}"`;
        deepEqual(loads, adds ? ["devices=0"] : ["devices=0", one]);
        const parameters = ["max_buffers", "max_width", "max_height"].map(moduleParameter);
        deepEqual(parameters, ["3", "3840", "2160"]);
      },
    },
    {
      name: "the devices of each pool have its labels, mode, group and capabilities",
      run: async () => assertDevices(),
    },
    {
      name: "a container that asks for both gets a device of each, and frames pass through both at once",
      async run(node) {
        const [bot, studio] = await addPod(node, "both");
        const { env } = node.kubelet.pod("both")?.containers[0]?.settings ?? {};
        equal(env?.["VIDEO_DEVICE"], `/dev/${bot}`);
        equal(env?.["STUDIO_DEVICE"], `/dev/${studio}`);
        await Promise.all([bot, studio].map((id) => passFrames(`/dev/${id}`, () => undefined)));
      },
    },
    {
      name: "after the pod the device of each pool is reset while a device of the other pool is open",
      async run(node) {
        const [bot, studio] = devicesOf(node, "both");
        const before = EVERY.map(numberOf);
        const studioBefore = OF_STUDIO.map(identity);
        const closeStudio = hold(studio);
        node.kubelet.removePod("both");
        await reset(node, bot);
        ok(!resets(node).includes(studio), "an open device was reset");
        deepEqual(OF_STUDIO.map(identity), studioBefore);
        const botsBefore = OF_BOTS.map(identity);
        const closeBot = hold(bot);
        closeStudio();
        await reset(node, studio);
        deepEqual(OF_BOTS.map(identity), botsBefore);
        closeBot();
        deepEqual(EVERY.map(numberOf), before);
        assertDevices();
        await offered(node, 3, 2);
      },
    },
    {
      name: "on SIGTERM all devices stay, and the next plugin adopts those of both pools",
      async run(node) {
        const before = EVERY.map(identity);
        await stop(node);
        deepEqual(EVERY.map(identity), before);
        await startPools(node, ["bots", "studio"]);
        assertSetUp(node, "adopted");
        deepEqual(EVERY.map(identity), before);
      },
    },
    {
      name: "with one pool fewer, the other one's devices are reset beside the device of a pod, and it stays as it is",
      async run(node) {
        const [, studio] = await addPod(node, "film");
        const close = hold(studio);
        const before = OF_STUDIO.map(identity);
        // Of a process that was killed, no device is known to be clean.
        await node.plugin.kill();
        await offered(node, 0, 0);
        await startPools(node, ["bots"], "--remove-devices-on-exit");
        const free = OF_BOTS.filter((id) => !devicesOf(node, "film").includes(id));
        for (const id of free) await reset(node, id);
        deepEqual(OF_STUDIO.map(identity), before);
        await stop(node);
        deepEqual(OF_STUDIO.map(identity), before);
        close();
        await passFrames(`/dev/${studio}`, () => undefined);
        await startPools(node, ["bots", "studio"]);
        assertSetUp(node, "adopted");
        equal(devicesOf(node, "film")[1], studio);
        assertDevices();
        node.kubelet.removePod("film");
        await stop(node);
        rmmod("v4l2loopback");
      },
    },
    {
      name: adds
        ? "with --remove-devices-on-exit the module stays for the one device that a pod owns, and all others go"
        : "with --remove-devices-on-exit the module and all devices stay for the one that a pod owns",
      async run(node) {
        await startPools(node, ["bots", "studio"], "--remove-devices-on-exit");
        assertSetUp(node, "created");
        await node.kubelet.addPod({
          name: "studio",
          containers: [{ name: "app", devices: { [STUDIO]: 1 } }],
        });
        const [, id] = devicesOf(node, "studio");
        await owned(node, id);
        const before = identity(id);
        await stop(node);
        deepEqual(
          EVERY.filter((each) => existsSync(`/dev/${each}`)),
          adds ? [id] : EVERY,
        );
        deepEqual(identity(id), before);
        node.kubelet.removePod("studio");
        rmmod("v4l2loopback");
      },
    },
    {
      name: "with --remove-devices-on-exit it removes the devices of both pools and the module, if neither is in use",
      async run(node) {
        await startPools(node, ["bots", "studio"], "--remove-devices-on-exit");
        assertSetUp(node, "created");
        await stop(node);
        deepEqual(query(), []);
        deepEqual(loaded(["v4l2loopback"]), []);
      },
    },
  ];
}

const CARDS = ["Bot", "Bot", "Bot", "Studio 20", "Studio 21"];

function assertDevices(): void {
  const found = query();
  deepEqual(
    found.map(({ device }) => device),
    EVERY.map((id) => `/dev/${id}`),
  );
  deepEqual(
    found.map(({ card }) => card),
    CARDS,
  );
  deepEqual(found.map(roleOf), ["output", "output", "output", "both", "both"]);
  for (const id of OF_BOTS) equal(modeOf(id), 0o666);
  for (const id of OF_STUDIO) deepEqual([modeOf(id), identity(id).gid], [0o660, 65534]);
}

/** Adds a pod whose container asks for a device of each pool; these. */
async function addPod(node: GuestNode, name: string): Promise<readonly [string, string]> {
  const devices = { [BOTS]: 1, [STUDIO]: 1 };
  const pod = await node.kubelet.addPod({ name, containers: [{ name: "app", devices }] });
  equal(pod.phase, "Running", pod.message ?? pod.containers[0]?.message ?? "it is not running");
  // A device that the kubelet has never listed may be an init container's, and is not free when the pod has ended.
  for (const id of devicesOf(node, name)) await owned(node, id);
  return devicesOf(node, name);
}

async function owned({ plugin }: GuestNode, id: string): Promise<void> {
  const owners = () => plugin.log.saying("Device owned by pod");
  await eventually(`the owner of ${id}`, () => owners().some((entry) => entry["device_id"] === id));
}

/** The devices of a pod, one of each pool. */
function devicesOf({ kubelet }: GuestNode, pod: string): readonly [string, string] {
  const deviceOf = (resource: string) => kubelet.allocations(resource)[pod]?.at(0) ?? "";
  return [deviceOf(BOTS), deviceOf(STUDIO)];
}

const numberOf = (id: string) => identity(id).rdev;

const resets = ({ plugin }: GuestNode) =>
  plugin.log.saying("Device reset").map((entry) => entry["device_id"]);

async function reset(node: GuestNode, id: string): Promise<void> {
  await eventually(`the reset of ${id}`, () => resets(node).includes(id));
}

/** Stops the plugin, and waits until the kubelet has seen its end. How long a stop takes is another story's matter. */
async function stop(node: GuestNode): Promise<void> {
  await node.plugin.stop();
  await offered(node, 0, 0);
}
