import { deepEqual, equal } from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { linkName } from "../../../src/v4l2/video-node.ts";
import { modprobe, query, rmmod, run } from "./cameras.ts";
import { eventually } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";
import { type HolderProcess, startHolder } from "./holder.ts";
import {
  has,
  healthy,
  isUnhealthy,
  LOOPBACK,
  offersLoopback,
  realPatienceMs,
  startReal,
  stopReal,
} from "./real-pool.ts";
import type { Story } from "./story.ts";

const TOOL = "/bin/v4l2-tool";
const PLUGIN = "/usr/bin/video-device-plugin";

/** Two instances of vivid have one parent in /sys, and differ by their bus_info. */
const CARDS = ["platform-vivid.0-platform:vivid-000", "platform-vivid.0-platform:vivid-001"];
const NODES = ["video20", "video21"];

const VIVID = { real: "select: [{ driver: vivid, virtual: true }]" };

/** Controls of vivid (drivers/media/test-drivers/vivid/vivid-ctrls.c), hexadecimal. */
const SIGNAL_MODE = "00f0f03e";
const DISCONNECT = "00f0f041";

/** The kernel's status of an input, `V4L2_IN_ST_*` (include/uapi/linux/videodev2.h), by vivid's signal mode. */
const STATUS = [
  { mode: 1, status: 0x2 }, // NO_SIGNAL
  { mode: 2, status: 0x100 }, // NO_H_LOCK
  { mode: 0, status: 0 },
];

/** The ID of a card that is alone. */
const CARD = "platform-vivid.0";

let holder: HolderProcess | undefined;

/** Capture cards with HDMI inputs, by vivid: no signal, a driver that has lost its device, and a driver without devices. */
export const hdmi: Story = [
  {
    name: "HDMI inputs are cameras of a pool, by the place of each card, beside v4l2loopback",
    async run(node) {
      modprobe(
        ...["vivid", "n_devs=2", "node_types=0x1,0x1", "num_inputs=1,2", "input_types=0x3,0xf"],
        `vid_cap_nr=20,21`,
      );
      await node.kubelet.start();
      await startReal(node, VIVID);
      await has(node, healthy(CARDS));
      deepEqual(
        CARDS.map((id) => linkName(`/run/video-device-plugin/devices/${id}`)),
        NODES,
      );
      const listed = JSON.parse(run([PLUGIN, "devices", "--json"])) as Record<string, unknown>[];
      deepEqual(
        listed.map(({ id, kind }) => `${id} ${kind}`),
        [...LOOPBACK.map((id) => `${id} loopback`), ...NODES.map((id) => `${id} camera`)],
      );
    },
  },
  {
    name: "a card whose source is off says so by ENUMINPUT, is shown without a signal, and offered as before",
    async run(node) {
      deepEqual(NODES.map(statusesOf), [[0], [0, 0]]);
      for (const { mode, status } of STATUS) {
        run([TOOL, "set-control", "/dev/video20", SIGNAL_MODE, String(mode)]);
        deepEqual(statusesOf("video20"), [status]);
        await showsSignal(node, CARDS[0], status === 0);
        equal(/, no signal /.test(statusLine(CARDS[0])), status !== 0);
        await has(node, healthy(CARDS));
      }
    },
  },
  {
    name: "cards that their driver lets go are unplugged, and the same ones when it has them again",
    async run(node) {
      bind("unbind");
      for (const id of CARDS) await isUnhealthy(node, id, "unplugged");
      bind("bind");
      await has(node, healthy(CARDS));
      await offersLoopback(node);
      await stopReal(node);
      rmmod("vivid");
    },
  },
  {
    name: "a card without a signal is not offered by a pool that needs one",
    async run(node) {
      modprobe("vivid", "n_devs=1", "node_types=0x1", ...["num_inputs=1", "input_types=0x3"]);
      await startReal(node, { real: `${VIVID.real}, signal: required` });
      await has(node, healthy([CARD]));
      run([TOOL, "set-control", `/dev/${nodeOf(CARD)}`, SIGNAL_MODE, "1"]);
      await isUnhealthy(node, CARD, "no_signal");
      await has(node, { [CARD]: "Unhealthy" });
      run([TOOL, "set-control", `/dev/${nodeOf(CARD)}`, SIGNAL_MODE, "0"]);
      await has(node, healthy([CARD]));
    },
  },
  {
    name: "a card that its driver loses while a program has it open keeps its node, and can't be opened",
    async run(node) {
      await has(node, healthy([CARD]));
      // vivid takes the loss back when the last process has closed the device.
      holder = await startHolder(`/dev/${nodeOf(CARD)}`);
      run([TOOL, "set-control", `/dev/${nodeOf(CARD)}`, DISCONNECT, "1"]);
      equal(query([nodeOf(CARD)])[0]?.open, "ENODEV");
      equal(existsSync(`/sys/class/video4linux/${nodeOf(CARD)}`), true);
      await stopReal(node);
    },
  },
  {
    name: "a plugin that starts then finds a zombie, and does not offer it",
    async run(node) {
      await startReal(node, VIVID);
      await isUnhealthy(node, CARD, "zombie");
      await has(node, { [CARD]: "Unhealthy" });
    },
  },
  {
    name: "once it can be opened again it is offered",
    async run(node) {
      await holder?.end();
      equal(query([nodeOf(CARD)])[0]?.open, "0");
      await has(node, healthy([CARD]));
      await offersLoopback(node);
      await stopReal(node);
    },
  },
];

function bind(what: "bind" | "unbind"): void {
  writeFileSync(`/sys/bus/platform/drivers/vivid/${what}`, "vivid.0");
}

const nodeOf = (id: string) => linkName(`/run/video-device-plugin/devices/${id}`) ?? "";

/** Waits until the plugin's metric of the card says that it has a signal, or has none. */
async function showsSignal({ plugin }: GuestNode, id: string | undefined, has: boolean) {
  const sample = new RegExp(`^video_device_plugin_device_signal\\{[^}]*"${id}"[^}]*\\} (.*)$`, "m");
  await eventually(
    `the signal of ${id}`,
    async () => {
      const response = await fetch("http://127.0.0.1:8080/metrics");
      const shown = sample.exec(await response.text())?.[1];
      if (shown === (has ? "1" : "0")) return true;
      throw new Error(`the metric is ${shown}; the log ends:\n${plugin.log.tail()}`);
    },
    realPatienceMs,
  );
}

/** The device's line of what `status` prints. */
function statusLine(id = ""): string {
  const lines = Bun.spawnSync([PLUGIN, "status"]).stdout.toString().split("\n");
  return lines.find((line) => line.startsWith(`${id} `)) ?? "";
}

/** The status of each input, as ENUMINPUT has it. */
function statusesOf(node: string): number[] {
  const lines = run([TOOL, "inputs", `/dev/${node}`])
    .trim()
    .split("\n");
  return lines.map((line) => (JSON.parse(line) as { status: number }).status);
}
