import { afterAll, beforeAll, describe, test } from "bun:test";
import { behaviourOf, type KubeletVersion } from "../../src/simulator/behaviour.ts";
import { patienceMs } from "../support/eventually.ts";
import { skipMountNamespaces } from "../support/mount-namespace.ts";
import { PluginBinary } from "../support/plugin-binary.ts";
import { EmbeddedNode } from "./embedded-node.ts";
import { kubeletScenarios } from "./kubelet-scenarios.ts";
import { containerScenarios } from "./kubelet-scenarios-containers.ts";
import { directoryScenarios, mountScenarios } from "./kubelet-scenarios-directories.ts";
import { heldScenarios } from "./kubelet-scenarios-held.ts";
import { forgottenInstanceScenarios, instanceScenarios } from "./kubelet-scenarios-instances.ts";
import { optionScenarios } from "./kubelet-scenarios-options.ts";
import { podResourcesScenarios } from "./kubelet-scenarios-pod-resources.ts";

/**
 * The compiled plugin on embedded kubelets; `test/kubelet/kubelet.e2e.ts` plays the same on a real one.
 * The versions: the oldest, the default, the last that tracks one client for each resource, the first that doesn't.
 */
const skipMounts = skipMountNamespaces();

const versions: KubeletVersion[] = ["1.26", "1.33", "1.36", "1.37"];

function scenariosOf(version: KubeletVersion) {
  // The scenarios of instances and options depend on the version only in the clients' tracking.
  if (version === "1.33") {
    return [
      ...kubeletScenarios,
      ...instanceScenarios,
      ...optionScenarios,
      ...containerScenarios,
      ...heldScenarios,
      ...podResourcesScenarios,
      ...directoryScenarios,
      ...(skipMounts ? [] : mountScenarios),
    ];
  }
  if (version !== "1.37") return kubeletScenarios;
  return [...kubeletScenarios, ...instanceScenarios, ...forgottenInstanceScenarios];
}

describe.each(versions)("the compiled plugin and embedded kubelet %s", (version) => {
  let node: EmbeddedNode;
  let plugin: PluginBinary;

  beforeAll(async () => {
    node = new EmbeddedNode({ behaviour: behaviourOf(version) });
    plugin = new PluginBinary(node);
    await node.startKubelet();
  });

  afterAll(async () => {
    await plugin.stop("SIGTERM");
    try {
      plugin.assertCleanOutput();
    } finally {
      await node.close();
    }
  });

  for (const scenario of scenariosOf(version)) {
    const play = () => scenario.run({ node, plugin, patienceMs });
    test(scenario.name, () => plugin.explaining(play), 2 * patienceMs);
  }
});
