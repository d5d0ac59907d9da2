import { readFileSync } from "node:fs";
import { imageName } from "../image/paths.ts";
import { explained } from "../support/explained.ts";
import { type PodSpec, type Profile, renderedPodTemplate } from "../support/manifests.ts";
import type { LogEntry } from "../support/plugin-binary-log.ts";
import { staticPod } from "../support/static-pod.ts";
import { type MemoryUse, memoryOf } from "./cgroup.ts";
import type { ExecResult, RunningContainer } from "./containerd.ts";
import { noteMissing } from "./leftovers.ts";
import type { Pod } from "./pod-view.ts";
import { livingProcess } from "./processes.ts";
import type { RealNode } from "./real-node.ts";
import { waitUntil } from "./wait.ts";

/** Name of the daemon's container in either profile. */
const daemon = "video-device-plugin";

/** Where the simulated cameras are: a directory that the pod has at the host's own path. */
export const simulatedDir = "/var/lib/video-device-plugin/simulated";

/** Of anything a pod of the plugin is waited for, ms: unpacking the image on a busy machine is the slowest. */
const patienceMs = 90_000;

/** As much of a pod as a test may change. */
export interface PluginPodObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

export interface PluginPodOptions {
  readonly profile: Profile;
  /** Over the manifest's. Default: simulated devices. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is different from the manifest. */
  readonly change?: (pod: PluginPodObject) => object;
}

/** The plugin as the DaemonSet would run it, of the image, on a real node. */
export class PluginPod {
  readonly name: string;
  readonly #node: RealNode;
  readonly #options: PluginPodOptions;

  constructor(node: RealNode, name: string, options: PluginPodOptions) {
    this.#node = node;
    this.name = name;
    this.#options = options;
  }

  async create(): Promise<void> {
    const { profile, env, change = (pod) => pod } = this.#options;
    const { volumes = [] } = renderedPodTemplate(profile).spec;
    noteMissing(volumes.flatMap(({ hostPath }) => hostPath?.path ?? []));
    const simulated = {
      VIDEO_DRIVER: "simulated",
      SIMULATED_DIR: simulatedDir,
      ENABLE_METRICS: "true",
    };
    await this.#node.createPodOf(this.name, (name) => {
      const options = { name, image: imageName, env: { ...simulated, ...env } };
      return change(staticPod(profile, options) as PluginPodObject);
    });
  }

  /** Resolves when it has ended and is gone. */
  async delete(): Promise<void> {
    await this.#node.deletePod(this.name);
  }

  /** Resolves when the startup probe has been passed. */
  async started(): Promise<void> {
    await waitUntil(`${this.name} has started`, patienceMs, async () => {
      return (await this.#daemonStatus())?.started === true;
    });
  }

  /** Resolves when the kubelet says that it is ready. */
  async ready(): Promise<void> {
    await waitUntil(`${this.name} is ready`, patienceMs, () => this.isReady());
  }

  /** The kubelet's condition Ready. */
  async isReady(): Promise<boolean> {
    const conditions = (await this.status())?.conditions ?? [];
    return conditions.some(({ type, status }) => type === "Ready" && status === "True");
  }

  async restarts(): Promise<number> {
    return (await this.#daemonStatus())?.restartCount ?? Number.NaN;
  }

  /** How long ago its process was started, ms; in steps of 10. */
  async age(): Promise<number> {
    const process = livingProcess((await this.container()).pid);
    // Both count from the boot: seconds, and ticks of 10 ms (proc_uptime(5), sysconf(_SC_CLK_TCK)).
    const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    return Math.round(uptime * 1000 - Number(process?.started) * 10);
  }

  /** The most memory that its process has had in RAM so far, pages of its executable included; bytes. */
  async peakResident(): Promise<number> {
    const status = readFileSync(`/proc/${(await this.container()).pid}/status`, "utf8");
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Its answer over HTTP, at the pod's address. */
  async http(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const address = (await this.status())?.podIP;
    const response = await fetch(`http://${address}:8080${path}`, {
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, text: await response.text() };
  }

  container(): Promise<RunningContainer> {
    return this.#node.container(this.name, daemon);
  }

  /** Runs a command of the program beside it, as `kubectl exec` does. */
  async command(...args: string[]): Promise<ExecResult> {
    return this.#node.exec(await this.container(), ["/usr/bin/video-device-plugin", ...args]);
  }

  /** Memory of the container's control group, which also has the probes. */
  async memory(): Promise<MemoryUse> {
    return memoryOf((await this.container()).pid);
  }

  log(container = daemon): LogEntry[] {
    return this.#node.output(this.name, container).map((line) => JSON.parse(line) as LogEntry);
  }

  /** The kubelet's word on it, whether the daemon has been started or not. */
  status(): Promise<Pod["status"] | undefined> {
    return this.#node.status(this.name);
  }

  /** Does something that, when it fails, is reported with the log's end. */
  explaining(work: () => Promise<void>): Promise<void> {
    return explained(work, () => {
      const outputs = ["setup", daemon].map((each) => this.#node.output(this.name, each));
      const lines = outputs.flatMap((output) => output.slice(-25)).join("\n");
      return `--- ${this.name}\n${lines}\n${this.#node.logs()}`;
    });
  }

  async #daemonStatus() {
    const statuses = (await this.status())?.containerStatuses ?? [];
    return statuses.find(({ name }) => name === daemon);
  }
}
