import { afterAll, beforeAll, describe } from "bun:test";
import { skipLevel } from "../kubelet/require-level.ts";
import { Cluster } from "./cluster.ts";
import { unsupported } from "./environment.ts";
import { kubernetesVersion } from "./paths.ts";
import { Stage } from "./stage.ts";
import { cdiStories } from "./stories/cdi.ts";
import { jobStories } from "./stories/jobs.ts";
import {
  helmTestStories,
  installStories,
  uninstallStories,
  upgradeStories,
} from "./stories/release.ts";
import { schedulingStories } from "./stories/scheduling.ts";

/**
 * The chart, installed by Helm from an OCI registry in a whole cluster: API server, scheduler, controllers, kubelet and
 * containerd 2 as processes, with simulated devices. Run `test/cluster/provision.sh` first, then `bun run test:cluster` as
 * root. The kubelet's directory can't be moved, so it does not run beside the kubelet's tests.
 */
const skip = skipLevel(unsupported());

describe.skipIf(skip)(`the chart in a cluster of Kubernetes ${kubernetesVersion}`, () => {
  const stage = new Stage(new Cluster());
  beforeAll(() => stage.cluster.start(), 600_000);
  afterAll(() => stage.cluster.stop(), 120_000);

  installStories(stage);
  schedulingStories(stage);
  helmTestStories(stage);
  jobStories(stage);
  upgradeStories(stage);
  cdiStories(stage);
  uninstallStories(stage);
});
