import { deepEqual, equal } from "node:assert/strict";
import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import { openVideoDevice } from "../../../src/v4l2/video-file.ts";
import { pixelFormats } from "../../../src/v4l2/video-structs.ts";
import { CAP_VIDEO_CAPTURE } from "../query.ts";
import { codecDirectory } from "../suite.ts";
import { modprobe, query, run } from "./cameras.ts";
import { has, healthy, LOOPBACK, offersLoopback, REAL, startReal, stopReal } from "./real-pool.ts";
import type { Story } from "./story.ts";

const PLUGIN = "/usr/bin/video-device-plugin";
const VIM2M = "platform-vim2m.0";
const VICODEC = "platform-vicodec.0";
const CAMERA = "platform-vivid.0";
const PODS = ["one", "two", "three", "four"];

/** The kernel's codecs without hardware, beside a camera and v4l2loopback. */
export const codecs: Story = [
  {
    name: "a pool of cameras has none of the codecs, whatever numbers they have",
    async run(node) {
      modprobe("vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "vid_cap_nr=20");
      for (const name of ["v4l2-mem2mem", "vim2m", "vicodec"]) {
        run(["/bin/busybox", "insmod", `${codecDirectory}/${name}.ko`]);
      }
      await node.kubelet.start();
      await startReal(node, { real: "select: [{ virtual: true }]" });
      await has(node, healthy([CAMERA]));
      const listed = JSON.parse(run([PLUGIN, "devices", "--json"])) as Record<string, unknown>[];
      deepEqual(
        listed.map(({ kind, identity }) => `${identity} ${kind}`).sort(),
        [
          `${CAMERA} camera`,
          ...Array.from({ length: 3 }, () => `${VICODEC} codec`),
          `${VIM2M} codec`,
          ...LOOPBACK.map((id) => `${id} loopback`),
        ].sort(),
      );
      await stopReal(node);
    },
  },
  {
    name: "the kernel says of no codec's node that it captures",
    async run() {
      const seen = query().filter(({ driver }) => driver === "vim2m" || driver === "vicodec");
      equal(seen.length, 4);
      for (const { device, device_caps: caps = 0 } of seen) {
        equal(caps & CAP_VIDEO_CAPTURE, 0, device);
      }
    },
  },
  {
    name: "a pool of codecs has them alone, and one with three nodes is one device",
    async run(node) {
      await startReal(node, { real: "select: [{ kind: codec, virtual: true }], share: 2" });
      await has(node, healthy([VIM2M, VICODEC].flatMap(places)));
    },
  },
  {
    name: "two pods share a codec, and what one sets in it the other does not see; of a camera, it does",
    async run(node) {
      const devices = { [REAL]: 1 };
      for (const name of PODS) {
        const pod = await node.kubelet.addPod({ name, containers: [{ name: "app", devices }] });
        equal(pod.phase, "Running", pod.message ?? "it is not running");
      }
      const owned = Object.values(node.kubelet.allocations(REAL)).flat();
      deepEqual(owned.sort(), [VIM2M, VICODEC].flatMap(places).sort());
      deepEqual(widthsOf("video0", "output"), [640, 320]);
      deepEqual(widthsOf("video20", "capture"), [320, 320]);
      await offersLoopback(node);
      for (const name of PODS) node.kubelet.removePod(name);
      await stopReal(node);
    },
  },
];

/** The IDs under which the kubelet knows a codec that two containers may have. */
const places = (id: string) => [`${id}::0`, `${id}::1`];

/** What two programs have that set a width of 640 and of 320, each after the other. */
function widthsOf(node: string, type: "capture" | "output"): number[] {
  const open = () => openVideoDevice(`/dev/${node}`, linuxCalls());
  using one = open();
  using two = open();
  // vim2m takes no YUYV in.
  const pixelFormat = pixelFormats.RGB24;
  one.setFormat(type, { pixelFormat, width: 640, height: 360 });
  two.setFormat(type, { pixelFormat, width: 320, height: 180 });
  return [one, two].map((file) => file.getFormat(type).width);
}
