import { rmSync } from "node:fs";
import { defaultFlapPolicy } from "../../../src/devices/inventory/device-status.ts";
import type { Stage } from "../../kernel/driver/stage.ts";
import { removeDevice, run } from "../../kernel/stories/cameras.ts";
import { PATIENCE_MS } from "../../kernel/stories/eventually.ts";
import { ALL, GuestNode } from "../../kernel/stories/guest-node.ts";
import { type Row, row } from "../measure.ts";

/** Losses of each device that a plugin gets over without suspecting a defect. */
const lossesEach = defaultFlapPolicy.toleratedRecoveries;

/** Pause between a recovery and the next loss, ms: the plugin is idle when a device is lost. */
const calmMs = 500;

/** Something that takes devices away, and so many of them. */
interface Loss {
  readonly what: string;
  readonly lost: number;
  act(id: string): void;
  /** A loss of the same device before each of these, from which it recovers first. */
  before?(id: string): void;
}

const nodeDeleted: Loss = {
  what: "device node deleted",
  lost: 1,
  act: (id) => rmSync(`/dev/${id}`),
};
const deviceRemoved: Loss = { what: "device removed", lost: 1, act: removeDevice };
/** devtmpfs does not remove a node that a plugin has made: only a uevent reports the loss. */
const removedWithoutNode: Loss = {
  what: "device removed whose node stays",
  lost: 1,
  before: nodeDeleted.act,
  act: removeDevice,
};
const moduleUnloaded: Loss = {
  what: "module unloaded, 8 devices lost",
  lost: ALL.length,
  act: () => run(["/bin/busybox", "rmmod", "v4l2loopback"]),
};

/**
 * From a loss to the kubelet knowing, and on to all devices being offered again: the compiled plugin, and a
 * kubelet in this process.
 */
export async function losses(stage: Stage, rounds: number): Promise<Row[]> {
  const node = new GuestNode();
  await node.kubelet.start();
  const rows: Row[] = [];
  const removals = stage.isDynamic ? [deviceRemoved, removedWithoutNode] : [];
  for (const loss of [nodeDeleted, ...removals, moduleUnloaded]) {
    // With nodes of devtmpfs: it does not take those along that a plugin has made for deleted ones.
    stage.clear();
    rows.push(...(await timesOf(node, loss, loss.lost === 1 ? rounds : lossesEach)));
  }
  node.kubelet.stop({ removeSockets: true });
  return rows;
}

/** With a plugin of its own, which has made the devices and come to suspect none. */
async function timesOf(node: GuestNode, loss: Loss, rounds: number): Promise<Row[]> {
  node.plugin.start();
  await node.allocatable(ALL.length);
  const unhealthy: number[] = [];
  const healed: number[] = [];
  const most = Math.floor(lossesEach / (loss.before === undefined ? 1 : 2)) * ALL.length;
  for (let round = 0; round < Math.min(rounds, most); round++) {
    const id = ALL[round % ALL.length] ?? "";
    if (loss.before !== undefined) await lose(node, loss.lost, () => loss.before?.(id));
    const [lostMs, healedMs] = await lose(node, loss.lost, () => loss.act(id));
    unhealthy.push(lostMs);
    healed.push(healedMs);
  }
  await node.stopPlugin();
  return [
    row(`${loss.what} to Unhealthy`, "ms", unhealthy),
    row(`${loss.what} to Healthy again`, "ms", healed),
  ];
}

/** How long after `act` the kubelet knows of the loss, and that all devices are healthy again, ms. */
async function lose(node: GuestNode, lost: number, act: () => void): Promise<[number, number]> {
  await Bun.sleep(calmMs);
  const lists = Promise.all([listed(node, ALL.length - lost), listed(node, ALL.length)]);
  const started = node.kubelet.events.elapsedMs();
  act();
  const [lostAt, healedAt] = await lists;
  return [lostAt - started, healedAt - started];
}

/** When the kubelet gets the next list with so many healthy devices, ms on its events' clock. */
function listed({ kubelet, plugin }: GuestNode, healthy: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const stop = kubelet.events.listen((event) => {
    if (event.type === "list_received" && event.healthy === healthy) resolve(event.atMs);
  });
  const timer = setTimeout(() => {
    const log = plugin.log.tail();
    reject(new Error(`no list with ${healthy} healthy devices. The plugin's log ends:\n${log}`));
  }, PATIENCE_MS);
  return promise.finally(() => {
    clearTimeout(timer);
    stop();
  });
}
