import { ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { modprobe, passFrames } from "./cameras.ts";
import { eventually } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import { has, healthy, offersLoopback, REAL, startReal, stopReal } from "./real-pool.ts";
import type { Story } from "./story.ts";
import { UsbCamera, usbPorts } from "./usb-cameras.ts";

/** Plugs of the storm, and the time between two, ms. */
const PLUGS = 50;
const BETWEEN_MS = 200;

const cameras = usbPorts(PLUGS).map((port) => new UsbCamera({ port, serial: `C${port}` }));

/** As many as one host controller has ports for. */
const first = cameras.slice(0, 15);

/** Of those that were there before the storm, the ones that are pulled out again during the storm. */
const pulled = first.slice(0, 10);

const idsOf = (some: readonly UsbCamera[]) => some.map(({ id }) => id);
const unplugged = (some: readonly UsbCamera[]) =>
  Object.fromEntries(idsOf(some).map((id) => [id, "Unhealthy" as const]));

/** Many USB cameras at once, beside v4l2loopback. */
export const webcams: Story = [
  {
    name: "15 cameras that are plugged in at once are all offered, by few lists",
    async run(node) {
      modprobe("vhci-hcd");
      modprobe("uvcvideo");
      await node.kubelet.start();
      await startReal(node, { real: "select: [{ driver: uvcvideo }]" });
      const lists = countLists(node);
      await Promise.all(first.map((camera) => camera.plug()));
      await has(node, healthy(idsOf(first)));
      return lists.stop(0);
    },
  },
  {
    name: "frames pass through a loopback device meanwhile",
    async run(node) {
      await passFrames("/dev/video10", () => undefined);
      await offersLoopback(node);
    },
  },
  {
    name: "15 cameras that are unplugged at once are all unhealthy",
    async run(node) {
      const lists = countLists(node);
      await Promise.all(first.map((camera) => camera.unplug()));
      await has(node, unplugged(first));
      return lists.stop(first.length);
    },
  },
  {
    name: "a storm of 50 plugs, of which 10 are pulled again, ends in the right list, by few lists",
    async run(node) {
      const watch = await startWatch();
      const lists = countLists(node);
      const started = performance.now();
      for (const [at, camera] of cameras.entries()) {
        await camera.plug();
        if (at >= pulled.length) await pulled[(at - pulled.length) / 4]?.unplug();
        await Bun.sleep(Math.max(0, started + (at + 1) * BETWEEN_MS - performance.now()));
      }
      const seconds = (performance.now() - started) / 1000;
      const left = cameras.filter((camera) => !pulled.includes(camera));
      await has(node, { ...healthy(idsOf(left)), ...unplugged(pulled) });
      const counted = lists.stop(pulled.length);
      await eventually("the watch has the right list", () => watch.healthy() === left.length);
      const statuses = await watch.end();
      return `${counted}, ${seconds.toFixed(0)} s of plugs, ${statuses} statuses`;
    },
  },
  {
    name: "it stops while all of them are plugged in",
    async run(node) {
      await stopReal(node);
      await Promise.all(cameras.map((camera) => camera.unplug()));
    },
  },
];

/** An operator's `status --watch`. */
async function startWatch() {
  const path = "/log/watch";
  const command = ["/usr/bin/video-device-plugin", "status", "--watch", "--json"];
  const watch = Bun.spawn(command, { stdout: Bun.file(path), stderr: "inherit" });
  const lines = () => readFileSync(path, "utf8").split("\n").slice(0, -1);
  await eventually("the first status", () => lines().length > 0);
  const isHealthy = (device: { readonly pool: string; readonly healthy: boolean }) =>
    device.pool === "real" && device.healthy;
  return {
    /** How many real devices the newest status has as healthy. */
    healthy: (): number => JSON.parse(lines().at(-1) ?? "").devices.filter(isHealthy).length,
    /** How many statuses it had in all. */
    async end(): Promise<number> {
      watch.kill("SIGTERM");
      await watch.exited;
      return lines().length;
    },
  };
}

/**
 * The most lists that plugs may cause: one in 800 ms, however many devices come (src/drivers/camera/settle-timer.ts), and one
 * for each device that is pulled, which the kubelet has to know at once.
 */
function mostLists(elapsedMs: number, pulls: number): number {
  return Math.ceil(elapsedMs / 800) + 1 + pulls;
}

/** Counts the lists that the kubelet gets of the real devices from now on, until `stop`. */
function countLists({ kubelet }: GuestNode) {
  let count = 0;
  const started = performance.now();
  const stop = kubelet.events.listen((event) => {
    if (event.type === "list_received" && event.resource === REAL) count += 1;
  });
  return {
    /** @throws Error if they were more than {@link mostLists}. */
    stop(pulls: number): string {
      stop();
      const elapsedMs = performance.now() - started;
      const text = `${count} lists in ${(elapsedMs / 1000).toFixed(0)} s`;
      ok(count <= mostLists(elapsedMs, pulls), text);
      return text;
    },
  };
}
