import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import { parseUevents, ueventSource } from "../../../src/linux/uevents.ts";
import type { Stage } from "../../kernel/driver/stage.ts";
import { modprobe } from "../../kernel/stories/cameras.ts";
import { eventually } from "../../kernel/stories/eventually.ts";
import { GuestNode } from "../../kernel/stories/guest-node.ts";
import { has, REAL, startReal, stopReal } from "../../kernel/stories/real-pool.ts";
import { UsbCamera, usbPorts } from "../../kernel/stories/usb-cameras.ts";
import { type Row, row } from "../measure.ts";

/** Pause before each plug and each unplug, ms: the plugin is idle then, and no longer waits between two lists for plugs. */
const calmMs = 2000;

const plugAim = [{ statistic: "median", limit: 1000 }] as const;
const unplugAim = [{ statistic: "median", limit: 100 }] as const;

/**
 * From what the kernel reports of a USB camera to the kubelet knowing: the compiled plugin, the real uvcvideo, and a kubelet
 * in this process. The plugin's timer does not help.
 */
export async function pluggedCameras(stage: Stage, rounds: number): Promise<Row[]> {
  stage.clear();
  modprobe("vhci-hcd");
  modprobe("uvcvideo");
  const node = new GuestNode();
  await node.kubelet.start();
  await startReal(node, { real: "select: [{ driver: uvcvideo }]" }, [
    "--health-check-interval=3600",
  ]);
  const uevents = new Uevents(() => node.kubelet.events.elapsedMs());
  const isNew: number[] = [];
  const again: number[] = [];
  const unplugged: number[] = [];
  const pulled: number[] = [];
  const seen: Record<string, "Unhealthy"> = {};
  for (const [at, port] of usbPorts(rounds).entries()) {
    const camera = new UsbCamera({ port, serial: `C${at}` });
    for (const times of [isNew, again]) {
      await Bun.sleep(calmMs);
      const healthyAt = await listed(node, () => camera.plug(), {
        ...seen,
        [camera.id]: "Healthy",
      });
      times.push(healthyAt - uevents.lastAt("add"));
      await Bun.sleep(calmMs);
      const pulledAt = node.kubelet.events.elapsedMs();
      seen[camera.id] = "Unhealthy";
      const unhealthyAt = await listed(node, () => camera.unplug(), { ...seen });
      pulled.push(unhealthyAt - pulledAt);
      // This process may read it later than the plugin.
      const removed = () => uevents.firstAfter("remove", pulledAt);
      unplugged.push(unhealthyAt - (await eventually("the uevent", removed)));
    }
  }
  await stopReal(node);
  uevents.close();
  return [
    row("new camera plugged in, from its last uevent to Healthy", "ms", isNew, plugAim),
    row("known camera plugged in, from its last uevent to Healthy", "ms", again, plugAim),
    row("camera unplugged, from its first uevent to Unhealthy", "ms", unplugged, unplugAim),
    row("  from the end of its process to Unhealthy", "ms", pulled),
  ];
}

/** When the kubelet has these devices, in that health, on its events' clock. */
async function listed(
  node: GuestNode,
  act: () => Promise<void>,
  wanted: Parameters<typeof has>[1],
): Promise<number> {
  let lastAt = 0;
  const stop = node.kubelet.events.listen((event) => {
    if (event.type === "list_received" && event.resource === REAL) lastAt = event.atMs;
  });
  await Promise.all([act(), has(node, wanted)]);
  stop();
  return lastAt;
}

/** The times of the kernel's uevents of video nodes. */
class Uevents {
  readonly #source = ueventSource(linuxCalls().openUevents());
  readonly #seen: { readonly action: string; readonly atMs: number }[] = [];

  constructor(now: () => number) {
    void this.#read(now);
  }

  lastAt(action: string): number {
    return this.#seen.findLast((event) => event.action === action)?.atMs ?? Number.NaN;
  }

  firstAfter(action: string, atMs: number): number | undefined {
    return this.#seen.find((event) => event.action === action && event.atMs >= atMs)?.atMs;
  }

  close(): void {
    this.#source.close();
  }

  async #read(now: () => number): Promise<void> {
    for await (const chunk of this.#source.chunks) {
      for (const { action, path } of parseUevents(chunk)) {
        if (/\/video4linux\/video\d+$/.test(path)) this.#seen.push({ action, atMs: now() });
      }
    }
  }
}
