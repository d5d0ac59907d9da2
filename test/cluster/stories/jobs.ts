import { expect } from "bun:test";
import { daemonSet, namespace, resource, type Stage } from "../stage.ts";
import { aboutOneSecond, deployment, job } from "../workloads.ts";

/** Many pods for eight devices. */
export function jobStories(stage: Stage): void {
  const { cluster, kubectl } = stage;

  stage.story("eight replicas of a Deployment run, and the ninth waits for a device", async () => {
    await kubectl.apply(deployment("bots", 9));
    await stage.until("8 of 9 pods run", async () => {
      const now = await stage.phases("app=bots");
      return now.filter((phase) => phase === "Running").length === 8 && now.includes("Pending");
    });
    const waiting = (await stage.pods("app=bots")).find(({ status }) => status.phase === "Pending");
    expect(waiting?.status.conditions[0].message).toContain(`Insufficient ${resource}`);
    await kubectl.run(["scale", "deployment/bots", "--replicas=8"]);
    await stage.until("8 pods are left", async () => (await stage.pods("app=bots")).length === 8);
    await stage.remove("app=bots", "deployment/bots");
  });

  stage.story("a Job of 40 pods, 20 at a time, has no pod refused", async () => {
    await kubectl.apply(job("batch", { completions: 40, parallelism: 20 }));
    expect(await stage.jobHasEnded("batch", 40)).toBe(0);
  });

  stage.story("three restarts of the DaemonSet during a Job of 60 pods refuse none", async () => {
    // Not in step, so that some begin at any time.
    const counts = { completions: 60, parallelism: 8 };
    await kubectl.apply(job("through", counts, aboutOneSecond));
    for (let restart = 0; restart < 3; restart++) {
      await kubectl.run(["rollout", "restart", "-n", namespace, `daemonset/${daemonSet}`]);
      await stage.rolledOut();
    }
    // Without a hand-over it was 12 of 60; with one that leaves 20 ms without a plugin, 0 to 4.
    expect(await stage.jobHasEnded("through", 60)).toBe(0);
    await stage.allAllocatable();
  });

  stage.story("a kubelet restart leaves the offer whole", async () => {
    const log = ["logs", "-n", namespace, `daemonset/${daemonSet}`];
    const registrations = async () =>
      (await kubectl.run(log)).split('"Registered with the kubelet"').length;
    const before = await registrations();
    await cluster.restartKubelet();
    await cluster.nodeIsReady();
    // The node's status is still that of the former kubelet.
    await stage.until("the plugin has registered again", async () => {
      return (await registrations()) > before;
    });
    await stage.allAllocatable();
  });
}
