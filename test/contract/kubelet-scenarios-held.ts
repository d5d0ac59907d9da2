import assert from "node:assert/strict";
import type { PluginBinary } from "../support/plugin-binary.ts";
import { type Scenario, scenario } from "./kubelet-scenarios.ts";
import type { TestNode } from "./node.ts";

/** What becomes of a device that a process of no pod has open. */
export const heldScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario(
    "a device that a process of the host holds open costs one pod, and is back once it is closed",
    async (stage) => {
      await stage.runPod("others", stage.total - 1);
      const { others = [] } = await stage.allocationsOf("others");
      const id = stage.plugin.ids.find((one) => !others.includes(one)) ?? "";
      await stage.plugin.holdOpen(id);

      await stage.createPod("first", 1);
      const { reason, message } = await stage.podFails("first");
      assert.equal(reason, "UnexpectedAdmissionError");
      assert.equal(
        message,
        "Pod was rejected: Allocate failed due to rpc error: code = FailedPrecondition desc = " +
          `${id} is held open by pipewire (process 812), so it can't be reset, which is unexpected`,
      );
      await stage.showsResources({ capacity: stage.total, allocatable: stage.total - 1 });
      await stage.createPod("second", 1);
      // From here on the scheduler knows; on this node the kubelet itself rejects it.
      assert.match((await stage.podFails("second")).message ?? "", /Requested: 1, Available: 0/);

      await stage.plugin.heal(id);
      await stage.showsAllDevices();
      await stage.deletePod("first");
      await stage.deletePod("second");
      await stage.runPod("next", 1);
      assert.deepEqual((await stage.allocationsOf("others", "next"))["next"], [id]);
    },
  ),
];
