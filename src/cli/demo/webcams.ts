import { readlinkSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { SimulatedSysfs, SimulatedUsb } from "../../drivers/simulated/index.ts";
import type { PodStatus } from "../../simulator/pod.ts";
import { must, running, type Stage } from "./stage.ts";

const resource = "example.com/webcams";

/** The file's pools, as the demo shows them. */
const pools = (virtual: string) => `- name: bots
  resource: ${virtual}
  loopback: {}
- name: webcams
  resource: ${resource}
  devices: { select: [{ driver: uvcvideo }] }`;

/** A webcam is plugged in, allocated, unplugged, and plugged in again: the pool of real devices beside the virtual ones. */
export async function webcams(stage: Stage): Promise<void> {
  const { kubelet, timeline, directory } = stage;
  timeline.act("The plugin is started again with a config file that has two pools");
  const file = join(directory, "pools.yaml");
  const content = pools(kubelet.resourceName);
  writeFileSync(
    file,
    `apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:\n${content}\n`,
  );
  timeline.note(content);
  const sysfs = new SimulatedSysfs(join(directory, "sys"));
  const usb = new SimulatedUsb(sysfs, join(directory, "webcams"));
  const places = [
    `--device-dir=${join(directory, "webcams")}`,
    `--sysfs-dir=${sysfs.dir}`,
    `--cdi-dir=${join(directory, "cdi")}`,
  ];
  let isRegistered = false;
  const stop = kubelet.events.listen((event) => {
    if (event.type === "registered" && event.resource === resource) isRegistered = true;
  });
  const ms = await stage.restartPlugin([`--config=${file}`, ...places]);
  await stage.happens(`the registration of ${resource}`, () => isRegistered);
  stop();
  timeline.done("pool bots has 8 of 8; pool webcams is registered, and empty", ms);

  usb.plug("1", "5A1C30", [0, 1]);
  timeline.done("a webcam is plugged in: 1 of 1", await stage.counts(1, 1, resource));
  stage.drawDevices(resource);

  const devices = { [kubelet.resourceName]: 1, [resource]: 1 };
  const studio = await kubelet.addPod({ name: "studio", containers: [{ name: "app", devices }] });
  const { env } = running(studio);
  const [virtual, webcam] = [env["VIDEO_DEVICE"], env["WEBCAMS_DEVICE"]];
  must(webcam === "/dev/video0", `studio got WEBCAMS_DEVICE=${webcam}`);
  timeline.done(`studio gets VIDEO_DEVICE=${virtual}, WEBCAMS_DEVICE=${webcam}`);
  const link = linkOf(studio);
  const node = () => `/dev/${basename(readlinkSync(link))}`;
  timeline.done(`its webcam on the node: ${relative(directory, link)} → ${node()}`);

  usb.unplug("1");
  timeline.done("it is unplugged: 0 of 1", await stage.counts(1, 0, resource));
  stage.drawDevices(resource);
  usb.plug("2", "5A1C30", [4, 5]);
  timeline.done(
    "back at another port as /dev/video4, the same device: 1 of 1",
    await stage.counts(1, 1, resource),
  );
  stage.drawDevices(resource);

  const restarted = await kubelet.restartContainer("studio");
  running(restarted);
  must(linkOf(restarted) === link && node() === "/dev/video4", `the link leads to ${node()}`);
  timeline.done(`studio's container restarts, and the same link gives it ${node()}`);
  kubelet.removePod("studio");
}

/** Path on the host of the pod's webcam. */
function linkOf(pod: PodStatus): string {
  const nodes = running(pod).devices.map(({ hostPath }) => hostPath);
  const link = nodes.find((path) => basename(path).startsWith("usb-"));
  must(link !== undefined, `studio got ${nodes.join(", ")} and no webcam`);
  return link;
}
