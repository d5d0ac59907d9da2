import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { Cluster, registryHost } from "../cluster/cluster.ts";
import { vmNodeName } from "../cluster/paths.ts";
import { VmNode, waitForVm } from "../cluster/vm-node.ts";
import { builtImage } from "../image/built-image.ts";
import { checkout, imageName } from "../image/paths.ts";
import { compileGuest } from "../kernel/compile.ts";
import { nodeName, runDir } from "../kubelet/paths.ts";
import { GiveUp } from "../kubelet/wait.ts";
import type { KubernetesObject } from "../support/manifests.ts";
import { podSpecOf } from "../support/manifests.ts";
import { podsOf } from "./examples.ts";

/** The release of the chart whose resource the examples request. */
export const release = "video-device-plugin";

/** The chart and the plugin's image in these versions, which differ in nothing else. */
const versions = { first: packageJson.version, next: `${packageJson.version}-next` } as const;

/**
 * A cluster in which only its VM takes pods: a whole machine with the real v4l2loopback, the plugin's image and those of
 * the examples.
 */
export class VmStage {
  readonly cluster = new Cluster();
  readonly kubectl = this.cluster.kubectl;
  readonly #started = performance.now();
  #vm: VmNode | undefined;

  /** The machine, once it {@link start | has started}. */
  get vm(): VmNode {
    if (this.#vm === undefined) throw new Error("no VM yet");
    return this.#vm;
  }

  /**
   * @param directory what `test/node/provision.sh` printed.
   * @param examples archives of the examples' images, by name.
   */
  async start(directory: string, examples: ReadonlyMap<string, string>): Promise<void> {
    await this.cluster.start();
    const watch = join(runDir, "listing-watch");
    compileGuest(join(import.meta.dir, "listing-watch.ts"), watch);
    const { archive } = await builtImage();
    const inPods = Object.values(versions).map((tag) => `${image}:${tag}`);
    const plugin = { archive, names: { inArchive: imageName, inPods } };
    const images = [plugin, ...[...examples.values()].map((file) => ({ archive: file }))];
    this.#vm = new VmNode(this.cluster, directory, {
      images,
      programs: { "listing-watch": watch },
    });
    await this.#vm.start();
    await this.kubectl.run(["cordon", nodeName]);
    for (const version of Object.values(versions)) {
      await this.cluster.helm(
        ...["package", join(checkout, "deploy/helm/video-device-plugin"), "--destination", runDir],
        ...["--version", version, "--app-version", version],
      );
    }
    this.say("the node is Ready");
  }

  async stop(): Promise<void> {
    await this.#vm?.stop();
    await this.cluster.stop();
  }

  /** Installs a release of the chart and waits for its pod. */
  install(name: string, settings: readonly string[]): Promise<string> {
    return this.#helm(
      "install",
      name,
      "first",
      [],
      [
        `image.repository=${image}`,
        // Each probe starts a program, which takes an emulated CPU seconds.
        ...["timeoutSeconds=60", "startup.periodSeconds=10"].map((probe) => `probes.${probe}`),
        ...["readiness", "liveness"].map((probe) => `probes.${probe}.periodSeconds=30`),
        `nodeSelector.kubernetes\\.io/hostname=${vmNodeName}`,
        ...settings,
      ],
    );
  }

  /** Upgrades {@link release} as docs/operating.md has it, to a version and with more settings. */
  async upgrade(version: keyof typeof versions, settings: readonly string[] = []): Promise<void> {
    await this.#helm("upgrade", release, version, ["--reset-then-reuse-values"], settings);
    const args = ["-n", "kube-system", `daemonset/${release}`, "--timeout=20m"];
    await this.kubectl.run(["rollout", "status", ...args]);
  }

  #helm(
    verb: "install" | "upgrade",
    name: string,
    version: keyof typeof versions,
    options: readonly string[],
    settings: readonly string[],
  ): Promise<string> {
    return this.cluster.helm(
      ...[verb, name, join(runDir, `video-device-plugin-${versions[version]}.tgz`), ...options],
      ...["--namespace", "kube-system", "--wait", "--timeout=20m"],
      ...settings.flatMap((setting) => ["--set", setting]),
    );
  }

  log(pod: string): Promise<string> {
    return this.kubectl.run(["logs", pod]);
  }

  /** What a script of bash in the pod's container prints. */
  async inPod(pod: string, script: string): Promise<string> {
    return (await this.kubectl.run(["exec", pod, "--", "bash", "-c", script])).trim();
  }

  /** Resolves to the pod's log when it has what the pattern wants. */
  says(pod: string, pattern: RegExp): Promise<string> {
    return waitForVm(`${pod} says ${pattern}`, async () => {
      const { status } = await this.kubectl.get("pod", pod);
      const text = await this.log(pod);
      if (pattern.test(text)) return text;
      if (status.phase === "Failed") throw new GiveUp(`${pod} has failed`);
      return undefined;
    });
  }

  /**
   * Creates the objects of an example, plays `story` with the names of its pods once all run, and deletes the objects.
   *
   * @param objects the first is the one with the pods.
   */
  async play(
    objects: readonly KubernetesObject[],
    story: (pods: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const name = objects[0]?.metadata.name ?? "";
    await this.kubectl.apply(...objects);
    const pods = await waitForVm(`every pod of ${name} is Running or Succeeded`, async () => {
      const now = await podsOf(this.kubectl, name);
      const areUp = now.every(({ status }) => ["Running", "Succeeded"].includes(status.phase));
      return now.length > 0 && areUp ? now : undefined;
    });
    for (const { spec } of pods) {
      if (spec.nodeName !== vmNodeName) throw new GiveUp(`${name} has a pod on ${spec.nodeName}`);
    }
    await story(pods.map(({ metadata }) => metadata.name));
    for (const { kind, metadata } of objects) {
      await this.kubectl.run(["delete", kind, metadata.name, "--wait"]);
    }
    await waitForVm(`no pod of ${name} is left`, async () =>
      (await podsOf(this.kubectl, name)).length === 0 ? true : undefined,
    );
  }

  /** Prints what happened, and how long after the start. */
  say(what: string): void {
    console.log(`${Math.round((performance.now() - this.#started) / 1000)} s: ${what}`);
  }

  /** Pods, logs and the node's journal, for a failed test's report. */
  async report(): Promise<string> {
    const pods = await this.kubectl.list("pods").catch(() => []);
    const logs = pods.map(async ({ metadata: { name } }) => {
      return `--- ${name}\n${await this.log(name).catch(String)}`;
    });
    const plugin = ["logs", "-n", "kube-system", `daemonset/${release}`, "--tail=40"];
    return [
      ...(await Promise.all(logs)),
      await this.kubectl.run(["describe", "pods"]).catch(String),
      await this.kubectl.run(plugin).catch(String),
      await this.#vm?.logs(),
    ].join("\n");
  }
}

const image = `${registryHost}/video-device-plugin`;

/** The object with other variables in each container of its pod. */
export function withEnv(
  object: KubernetesObject,
  more: Readonly<Record<string, string>>,
): KubernetesObject {
  const copy = structuredClone(object);
  const variables = Object.entries(more).map(([name, value]) => ({ name, value }));
  for (const container of podSpecOf(copy)?.containers ?? []) {
    const kept = (container.env ?? []).filter(({ name }) => more[name] === undefined);
    Object.assign(container, { env: [...kept, ...variables] });
  }
  return copy;
}
