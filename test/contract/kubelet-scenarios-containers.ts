import assert from "node:assert/strict";
import { type Scenario, scenario } from "./kubelet-scenarios.ts";

/** Which containers' devices the kubelet lists: docs/using.md. Sidecars keep their own from 1.29 on. */
export const containerScenarios: readonly Scenario[] = [
  scenario(
    "devices of a plain init container are not listed, and stay its pod's until that has ended",
    async (stage) => {
      await stage.runPodWithInit("prepared", { devices: 2, sidecar: false });
      const { prepared = [] } = await stage.allocationsOf("prepared");
      assert.equal(prepared.length, 1, "the app container's device alone is listed");

      await stage.createPod("greedy", stage.total - 1);
      const { message = "" } = await stage.podFails("greedy");
      const numbers = `Requested: ${stage.total - 1}, Available: ${stage.total - 2},`;
      assert.ok(message.includes(numbers), message);
      await stage.deletePod("greedy");

      await stage.deletePod("prepared");
      await stage.runPod("next", stage.total);
    },
  ),

  scenario("a sidecar's device is listed, and is not the app container's", async (stage) => {
    await stage.runPodWithInit("recorded", { devices: 1, sidecar: true });
    const { recorded = [] } = await stage.allocationsOf("recorded");
    assert.equal(new Set(recorded).size, 2);
  }),
];
