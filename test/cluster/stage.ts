import { expect, test } from "bun:test";
import { nodeName } from "../kubelet/paths.ts";
import { waitUntil } from "../kubelet/wait.ts";
import { explained } from "../support/explained.ts";
import { type Cluster, registryHost } from "./cluster.ts";
import type { ApiObject, Kubectl } from "./kubectl.ts";

/** What pods request. */
export const resource = "meeting-baas.io/video-devices";
/** Where the chart is installed, as the release `cameras`, and its DaemonSet. */
export const namespace = "kube-system";
export const daemonSet = "video-device-plugin";

/** Limits, ms. */
export interface Limits {
  /** How long a story waits for anything of the cluster. */
  readonly patienceMs: number;
  /** How long a whole story may take. */
  readonly storyMs: number;
}

/** The cluster of all stories, and the questions that they ask it. A story removes its own objects. */
export class Stage {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  readonly limits: Limits;

  constructor(cluster: Cluster, limits = { patienceMs: 120_000, storyMs: 480_000 }) {
    this.cluster = cluster;
    this.kubectl = cluster.kubectl;
    this.limits = limits;
  }

  /**
   * A test whose failure has the plugin's log, the last lines of the daemons', and those of `more`.
   *
   * @param isSkipped Default false.
   */
  story(name: string, work: () => Promise<void>, more = () => "", isSkipped = false): void {
    const logs = async () => [await this.#pluginLog(), more(), this.cluster.logs()].join("\n");
    test.skipIf(isSkipped)(name, () => explained(work, logs), this.limits.storyMs);
  }

  until(what: string, is: () => Promise<boolean>): Promise<void> {
    return waitUntil(what, this.limits.patienceMs, is);
  }

  pods(selector: string): Promise<ApiObject[]> {
    return this.kubectl.list("pods", selector);
  }

  /** Phases of the pods, in alphabetical order. */
  async phases(selector: string): Promise<string[]> {
    return (await this.pods(selector)).map(({ status }) => status.phase as string).toSorted();
  }

  /** Resolves when there are `count` pods, and all run. */
  async allRun(selector: string, count: number): Promise<ApiObject[]> {
    await this.until(`${count} pods ${selector} run`, async () => {
      const phases = await this.phases(selector);
      return phases.length === count && phases.every((phase) => phase === "Running");
    });
    return this.pods(selector);
  }

  /** Deletes objects, named as `kind/name`, and resolves when the pods of the selector are gone as well. */
  async remove(selector: string, ...objects: readonly string[]): Promise<void> {
    await this.kubectl.run(["delete", ...objects, "--wait"]);
    await this.until("no pod is left", async () => (await this.pods(selector)).length === 0);
  }

  /** All eight devices are in the node's status, which the scheduler reads. */
  allAllocatable(): Promise<void> {
    return this.until(
      "8 devices are allocatable",
      async () => (await this.cluster.allocatable(resource)) === 8,
    );
  }

  async rolledOut(): Promise<void> {
    const args = ["-n", namespace, `daemonset/${daemonSet}`, "--timeout=120s"];
    await this.kubectl.run(["rollout", "status", ...args]);
  }

  /** Installs or upgrades the release with simulated devices, and waits for it. */
  release(verb: "install" | "upgrade", ...more: readonly string[]): Promise<string> {
    return this.cluster.helm(
      ...[verb, "cameras", `oci://${registryHost}/charts/video-device-plugin`, "--plain-http"],
      ...["--namespace", namespace, "--wait", "--timeout=120s", ...values, ...more],
    );
  }

  /** Resolves when `completions` pods of the Job have succeeded. @returns how many were refused by the kubelet. */
  async jobHasEnded(name: string, completions: number): Promise<number> {
    await this.until(`job ${name} has ended`, async () => {
      const { status } = await this.kubectl.get("job", name);
      return status.succeeded === completions;
    });
    const failed = (await this.pods(`job-name=${name}`)).filter(
      ({ status }) => status.phase === "Failed",
    );
    for (const { status } of failed) expect(status.reason).toBe("UnexpectedAdmissionError");
    await this.kubectl.run(["delete", "job", name, "--wait"]);
    return failed.length;
  }

  async #pluginLog(): Promise<string> {
    const args = ["logs", "-n", namespace, `daemonset/${daemonSet}`, "--tail=40"];
    return this.kubectl.run(args).catch(String);
  }
}

/** The one node. */
export const node = nodeName;

const values = [
  ["--set", `image.repository=${registryHost}/video-device-plugin`],
  ["--set", "fullnameOverride=video-device-plugin"],
  ["--set", "config.driver=simulated"],
].flat();
