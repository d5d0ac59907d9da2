import { deepEqual, equal, match, notDeepEqual } from "node:assert/strict";
import { ChromeReader } from "../chrome-reader.ts";
import type { ModuleVersion } from "../provision.ts";
import { identity, passFrames, query, rmmod } from "./cameras.ts";
import { eventually, PATIENCE_MS } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import { GuestPlugin } from "./guest-plugin.ts";
import { CAMERAS, FLAGS } from "./ready.ts";
import type { Story } from "./story.ts";

const POD = "bot";
const NEXT_SOCKET = "/tmp/next-admin.sock";
const next = new GuestPlugin("plugin-next");

/** A plugin with plain devices is updated to ready cameras: the next one starts before the old one ends, as with `maxSurge: 1`. */
export function update(version: ModuleVersion): Story {
  /** True if the module has a control device, so that single devices are added: 0.12 has none. */
  const adds = version !== "0.12.7";
  return [
    {
      name: adds
        ? "beside plain devices a standby with ready cameras changes nothing, and is ready: it can create the feeds"
        : "beside plain devices a standby with ready cameras is not ready: it can't create the feeds",
      async run(node) {
        await node.kubelet.start();
        node.plugin.start("--max-devices=2", "--pod-resources-interval=1");
        await offered(node);
        const { phase } = await node.kubelet.addPod({
          name: POD,
          containers: [{ name: "app", devices: 1 }],
        });
        equal(phase, "Running");
        const before = devices();
        deepEqual(before, CAMERAS);
        next.start(...FLAGS, `--admin-socket=${NEXT_SOCKET}`);
        const answer = adds ? /^\[\+\]devices ok$/m : /^\[-\]devices failed: none works: /m;
        await eventually("the standby's readiness", async () => {
          const { status, text } = await readiness();
          if (!answer.test(text)) throw new Error(text);
          match(text, /^\[\+\]standby ok$/m);
          return status === (adds ? 200 : 503);
        });
        deepEqual(devices(), before);
      },
    },
    adds ? takesOver : takesOverAfterUnload,
  ];
}

const takesOver: Story[number] = {
  name: "once the old plugin has ended, the standby creates the feeds, resets what is free, and leaves the pod its device",
  async run(node) {
    const [own = ""] = node.kubelet.allocations()[POD] ?? [];
    const free = CAMERAS.filter((id) => id !== own);
    const before = CAMERAS.map(identity);
    const of = (id: string) => before[CAMERAS.indexOf(id)];
    let ms = 0;
    await passFrames(`/dev/${own}`, async () => {
      await node.stopPlugin();
      const ended = performance.now();
      await readyCameras(free);
      ms = Math.round(performance.now() - ended);
      await eventually("the resets", () => free.every((id) => resets().includes(id)));
    });
    deepEqual(identity(own), of(own));
    for (const id of free) notDeepEqual(identity(id), of(id));
    await passFrames(`/dev/${own}`, () => undefined);
    node.kubelet.removePod(POD);
    await eventually("the reset of the pod's device", () => resets().includes(own));
    await readyCameras(CAMERAS);
    await offered(node);
    equal((await readiness()).status, 200);
    await next.stop();
    return `first camera after ${ms} ms`;
  },
};

const takesOverAfterUnload: Story[number] = {
  name: "the old plugin serves on; after its end, and the module's, the standby loads the module with all devices",
  async run(node) {
    const [own = ""] = node.kubelet.allocations()[POD] ?? [];
    await passFrames(`/dev/${own}`, () => undefined);
    node.kubelet.removePod(POD);
    await offered(node);
    await node.stopPlugin();
    await eventually("the take-over", () => next.log.saying("Devices set up").length > 0);
    deepEqual(devices(), CAMERAS);
    rmmod("v4l2loopback");
    await readyCameras(CAMERAS);
    await offered(node);
    equal((await readiness()).status, 200);
    await next.stop();
  },
};

/** Waits until the kubelet counts both devices, and both are healthy. */
async function offered({ kubelet, plugin }: GuestNode): Promise<void> {
  const isThere = () => kubelet.resources().allocatable === CAMERAS.length;
  await kubelet.until(isThere, PATIENCE_MS, `both; the plugin's log ends:\n${plugin.log.tail()}\n`);
}

async function readiness(): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch("http://localhost/readyz?verbose", { unix: NEXT_SOCKET });
  return { status: answer.status, text: await answer.text() };
}

const devices = () => query().map(({ device }) => device.replace("/dev/", ""));

const resets = () => next.log.saying("Device reset").map((entry) => entry["device_id"]);

/** Waits until a browser lists these cameras. */
async function readyCameras(ids: readonly string[]): Promise<void> {
  const browser = new ChromeReader();
  await eventually("the cameras in a browser", () => {
    const listed = browser.list().map(({ path }) => path.replace("/dev/", ""));
    if (!ids.every((id) => listed.includes(id))) throw new Error(`it lists ${listed}`);
    return true;
  });
}
