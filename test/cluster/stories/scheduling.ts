import { expect } from "bun:test";
import { daemonSet, namespace, node, resource, type Stage } from "../stage.ts";
import { deployment, pod } from "../workloads.ts";

/** What Kubernetes does with pods that own a device: quota, priority, eviction, drain. */
export function schedulingStories(stage: Stage): void {
  const { cluster, kubectl } = stage;

  /** What kubectl prints when it fails. */
  const refusal = (args: readonly string[], input: object) =>
    kubectl.run(args, JSON.stringify(input)).then(
      () => "it was accepted",
      (error: Error) => error.message,
    );

  stage.story("a ResourceQuota refuses the pod over it, and names the resource", async () => {
    await kubectl.run(["create", "namespace", "limited"]);
    const request = `requests.${resource}`;
    await kubectl.apply({
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "cameras", namespace: "limited" },
      spec: { hard: { [request]: "1" } },
    });
    const create = ["create", "-n", "limited", "-f", "-"];
    await stage.until("the quota counts", async () => {
      const quota = ["get", "resourcequota", "cameras", "-n", "limited", "-o", "json"];
      return JSON.parse(await kubectl.run(quota)).status?.used?.[request] === "0";
    });
    await kubectl.run(create, JSON.stringify(pod("first")));
    expect(await refusal(create, pod("second"))).toContain(
      `pods "second" is forbidden: exceeded quota: cameras, requested: ${request}=1, used: ${request}=1, limited: ${request}=1`,
    );
    await kubectl.run(["delete", "namespace", "limited", "--wait"]);
  });

  stage.story("a pod of a higher PriorityClass takes the device of another pod", async () => {
    await kubectl.apply(deployment("crowd", 8), {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: "meeting" },
      value: 1000,
    });
    await stage.allRun("app=crowd", 8);
    await kubectl.apply(pod("urgent", { priorityClassName: "meeting" }));
    await stage.allRun("app=urgent", 1);
    await stage.until("the Deployment's eighth pod waits", async () => {
      const phases = await stage.phases("app=crowd");
      return phases.join() === ["Pending", ...Array(7).fill("Running")].join();
    });
    await stage.remove("app in (crowd, urgent)", "pod/urgent", "deployment/crowd");
    await kubectl.run(["delete", "priorityclass/meeting"]);
  });

  stage.story(
    "an eviction keeps to the PodDisruptionBudget, and the device goes on to the next pod",
    async () => {
      const budget = (minAvailable: number) => ({
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "meetings" },
        spec: { minAvailable, selector: { matchLabels: { app: "meetings" } } },
      });
      await kubectl.apply(deployment("meetings", 8), budget(8));
      const [first] = await stage.allRun("app=meetings", 8);
      const name = first?.metadata.name ?? "none";
      const isCounted = (allowed: number) =>
        stage.until(`the budget allows ${allowed}`, async () => {
          const { status } = await kubectl.get("pdb", "meetings");
          return status?.currentHealthy === 8 && status.disruptionsAllowed === allowed;
        });
      await isCounted(0);
      const path = `/api/v1/namespaces/default/pods/${name}/eviction`;
      const create = ["create", "--raw", path, "-f", "-"];
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } };
      expect(await refusal(create, eviction)).toContain(
        "Cannot evict pod as it would violate the pod's disruption budget.",
      );
      await kubectl.apply(budget(7));
      await isCounted(1);
      await kubectl.run(create, JSON.stringify(eviction));
      await stage.until(`${name} is replaced`, async () => {
        return !(await stage.pods("app=meetings")).some(({ metadata }) => metadata.name === name);
      });
      await stage.allRun("app=meetings", 8);
      await stage.remove("app=meetings", "deployment/meetings", "pdb/meetings");
    },
  );

  stage.story(
    "a drained node keeps its plugin, and its pods come back after uncordon",
    async () => {
      await kubectl.apply(deployment("bots", 4));
      await stage.allRun("app=bots", 4);
      const plugin = async () => {
        const args = ["get", "pods", "-n", namespace, "-l", `name=${daemonSet}`, "-o", "json"];
        const { items } = JSON.parse(await kubectl.run(args));
        return items.map(({ metadata, status }: { metadata: object; status: object }) => ({
          ...{ uid: "uid" in metadata && metadata.uid, phase: "phase" in status && status.phase },
        }));
      };
      const before = await plugin();
      expect(before).toMatchObject([{ phase: "Running" }]);
      await kubectl.run(["drain", node, "--ignore-daemonsets", "--timeout=120s"]);
      await stage.until("4 pods wait", async () => {
        const phases = await stage.phases("app=bots");
        return phases.join() === Array(4).fill("Pending").join();
      });
      expect(await plugin()).toEqual(before);
      expect(await cluster.allocatable(resource)).toBe(8);
      await kubectl.run(["uncordon", node]);
      await stage.allRun("app=bots", 4);
      await stage.remove("app=bots", "deployment/bots");
    },
  );
}
