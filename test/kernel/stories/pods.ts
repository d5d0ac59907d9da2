import { deepEqual, equal, ok } from "node:assert/strict";
import { roleOf } from "../query.ts";
import { identity, passFrames, query } from "./cameras.ts";
import { ALL, type GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

const POD = "recorder";

/** A pod comes, films, and outlives a kubelet. */
export const pods: Story = [
  {
    name: "a pod gets a device, with its path in VIDEO_DEVICE",
    async run(node) {
      await node.kubelet.addPod({ name: POD, containers: [{ name: "app", devices: 1 }] });
      const { env, devices } = settings(node);
      const [id = ""] = node.kubelet.allocations()[POD] ?? [];
      ok(ALL.includes(id), id);
      const path = `/dev/${id}`;
      deepEqual(env, { VIDEO_DEVICE: path, VIDEO_DEVICES: path });
      deepEqual(devices, [{ hostPath: path, containerPath: path, permissions: "rw" }]);
    },
  },
  {
    name: "frames pass through the pod's device, which offers capture only meanwhile",
    async run(node) {
      const path = settings(node).env["VIDEO_DEVICE"] ?? "";
      const roles = () => query([path.replace("/dev/", "")]).map(roleOf);
      await passFrames(path, () => deepEqual(roles(), ["capture"]));
      deepEqual(roles(), ["output"]);
    },
  },
  {
    name: "after a restart of the kubelet it is 8 of 8 again, with the same devices and allocations",
    async run(node) {
      const { kubelet } = node;
      const look = () => [ALL.map(identity), kubelet.allocations(), settings(node)];
      const before = look();
      kubelet.stop();
      equal(kubelet.resources().allocatable, 0);
      await kubelet.start();
      await node.allocatable(8);
      deepEqual(look(), before);
      equal(node.plugin.log.saying("Devices set up").length, 1);
    },
  },
];

function settings({ kubelet }: GuestNode) {
  const pod = kubelet.pod(POD);
  const [container] = pod?.containers ?? [];
  equal(container?.state, "running", pod?.message ?? container?.message ?? "it is not running");
  ok(container);
  return container.settings;
}
