import { afterAll, beforeAll, describe, test } from "bun:test";
import { kubeletScenarios } from "../contract/kubelet-scenarios.ts";
import { containerScenarios } from "../contract/kubelet-scenarios-containers.ts";
import { directoryScenarios, mountScenarios } from "../contract/kubelet-scenarios-directories.ts";
import { heldScenarios } from "../contract/kubelet-scenarios-held.ts";
import {
  forgottenInstanceScenarios,
  instanceScenarios,
} from "../contract/kubelet-scenarios-instances.ts";
import { optionScenarios } from "../contract/kubelet-scenarios-options.ts";
import { podResourcesScenarios } from "../contract/kubelet-scenarios-pod-resources.ts";
import { onlyInFullRun } from "../support/ci-size.ts";
import { explained } from "../support/explained.ts";
import { skipMountNamespaces } from "../support/mount-namespace.ts";
import { PluginBinary } from "../support/plugin-binary.ts";
import { unsupported } from "./environment.ts";
import { kubeletVersion } from "./paths.ts";
import { longPoolScenarios, poolScenarios } from "./pool-scenarios.ts";
import { type RealNode, realNodeOrReason } from "./real-node.ts";
import { realScenarios } from "./real-scenarios.ts";
import { skipLevel } from "./require-level.ts";

/**
 * The compiled plugin on a real kubelet with containerd, one node for all of it. Run `test/kubelet/provision.sh`
 * and `bun run build` first, then `bun run test:kubelet` as root.
 */
const skip = skipLevel(unsupported());

/** Of anything a scenario waits for, ms. The slowest is the plugin's audit, which takes 20 s. */
const patienceMs = 45_000;

describe.skipIf(skip)(`the compiled plugin and kubelet ${kubeletVersion}`, () => {
  let node: RealNode;
  let plugin: PluginBinary;

  beforeAll(async () => {
    const made = await realNodeOrReason();
    if ("skipped" in made) throw new Error(made.skipped);
    node = made;
    plugin = new PluginBinary(node);
    await node.startKubelet();
  }, 120_000);

  afterAll(async () => {
    try {
      await plugin?.stop("SIGTERM");
      plugin?.assertCleanOutput();
    } finally {
      await node?.close();
    }
  }, 60_000);

  const scenarios = [
    ...kubeletScenarios,
    ...realScenarios,
    ...poolScenarios,
    ...optionScenarios,
    ...containerScenarios,
    ...heldScenarios,
    ...podResourcesScenarios,
    ...directoryScenarios,
    ...(skipMountNamespaces() ? [] : mountScenarios),
    ...instanceScenarios,
    ...forgottenInstanceScenarios,
  ];
  const playAll = (all: typeof scenarios, isSkipped = false) => {
    for (const scenario of all) {
      const play = () => scenario.run({ node, plugin, patienceMs });
      const explaining = () =>
        explained(
          () => plugin.explaining(play),
          () => node.logs(),
        );
      test.skipIf(isSkipped)(scenario.name, explaining, 3 * patienceMs);
    }
  };
  playAll(scenarios);
  playAll(
    [...longPoolScenarios],
    onlyInFullRun("a container that starts again while its webcam is unplugged"),
  );
});
