import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ALL } from "./guest-node.ts";
import type { Story } from "./story.ts";

/** A node without v4l2loopback. */
export const withoutModule: Story = [
  {
    name: "without the module it registers, with 8 devices that are all unhealthy",
    async run(node) {
      await node.kubelet.start();
      node.plugin.start("--health-check-interval=1");
      await node.allocatable(0);
      deepEqual(node.kubelet.devices(), Object.fromEntries(ALL.map((id) => [id, "Unhealthy"])));
    },
  },
  {
    name: "it reports once what is missing and what to install",
    async run({ plugin }) {
      // Longer than the first pauses between its tries.
      await Bun.sleep(4000);
      const errors = plugin.log.entries().filter(({ level }) => level === "ERROR");
      deepEqual(
        errors.map((entry) => [entry.msg, entry["error_code"]]),
        [["Devices could not be set up", "module_file_not_found"]],
      );
      match(String(errors[0]?.["remedy"]), /apt-get install v4l2loopback-dkms linux-headers/);
    },
  },
  {
    name: "it goes on running, and a pod that wants a device is refused by the kubelet",
    async run({ kubelet, plugin }) {
      ok(plugin.running);
      const pod = await kubelet.addPod({ name: "p", containers: [{ name: "app", devices: 1 }] });
      equal(pod.phase, "Failed");
      equal(pod.reason, "UnexpectedAdmissionError");
      ok(plugin.running);
    },
  },
  {
    name: "on SIGTERM it ends with 0",
    run: (node) => node.stopPlugin(),
  },
];
