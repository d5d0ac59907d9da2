import { join } from "node:path";
import { builtImage } from "../image/built-image.ts";
import { imageName } from "../image/paths.ts";
import { run } from "../image/run.ts";
import { Containerd } from "../kubelet/containerd.ts";
import { Daemon } from "../kubelet/daemon.ts";
import { busyboxPath } from "../kubelet/image.ts";
import { Kubelet } from "../kubelet/kubelet.ts";
import { removeLeftovers, takeMachine } from "../kubelet/leftovers.ts";
import { nodeName, runDir } from "../kubelet/paths.ts";
import { waitUntil } from "../kubelet/wait.ts";
import { Certificates } from "./certificates.ts";
import { ControlPlane } from "./control-plane.ts";
import { Kubectl } from "./kubectl.ts";
import { binaries, binary, ports } from "./paths.ts";
import { startRegistry } from "./registry.ts";

/** The registry's host and port, as image names have it. */
export const registryHost = `127.0.0.1:${ports.registry}`;

/** A Kubernetes of one node, all of it processes of this machine. */
export class Cluster {
  readonly kubectl: Kubectl;
  readonly containerd = new Containerd(binaries);
  readonly #controlPlane: ControlPlane;
  readonly #kubelet: Kubelet;
  readonly #registry = new Daemon("registry");
  readonly certificates = new Certificates(join(runDir, "pki"));

  constructor() {
    const file = (name: string) => this.certificates.file(name);
    this.kubectl = new Kubectl(this.certificates.kubeconfig("admin"), runDir);
    this.#controlPlane = new ControlPlane(this.certificates, this.kubectl);
    this.#kubelet = new Kubelet({
      binary: binary("kubelet"),
      configuration: {
        authentication: {
          anonymous: { enabled: false },
          webhook: { enabled: true },
          x509: { clientCAFile: file("ca.crt") },
        },
        authorization: { mode: "Webhook" },
        tlsCertFile: file("kubelet.crt"),
        tlsPrivateKeyFile: file("kubelet.key"),
        // Static pods come with the other tests' nodes.
        staticPodPath: "",
        nodeStatusUpdateFrequency: "2s",
      },
      arguments: [`--kubeconfig=${this.certificates.kubeconfig("kubelet")}`],
    });
  }

  /** Resolves when the node is Ready, with the plugin's image in the registry. */
  async start(): Promise<void> {
    const busybox = busyboxPath();
    if (busybox === undefined) throw new Error("no busybox");
    const { archive } = await builtImage();
    await takeMachine();
    this.certificates.create();
    await startRegistry(this.#registry);
    await Promise.all([this.#controlPlane.start(), this.containerd.start(busybox)]);
    await this.containerd.importImage(archive);
    await this.#kubelet.start();
    await this.nodeIsReady();
  }

  async stop(): Promise<void> {
    await this.#kubelet.stop();
    await this.#controlPlane.stop();
    await this.containerd.stop();
    await this.#registry.stop();
    await removeLeftovers();
  }

  async restartKubelet(): Promise<void> {
    await this.#kubelet.stop();
    await this.#kubelet.start();
  }

  /** Puts the image of this checkout into the registry. @returns its repository. */
  async pushImage(
    tag: string,
    repository = `${registryHost}/video-device-plugin`,
  ): Promise<string> {
    await this.containerd.pushImage(imageName, `${repository}:${tag}`);
    return repository;
  }

  /** Helm, with charts from the registry; its cache is the run's own. */
  helm(...args: readonly string[]): Promise<string> {
    const program = join(binaries, "../../manifests/bin/helm");
    return run([program, ...args], { env: this.kubectl.env });
  }

  async nodeIsReady(node = nodeName, timeoutMs = 180_000): Promise<void> {
    await waitUntil(`node ${node} is Ready`, timeoutMs, async () => {
      const { status } = await this.kubectl.get("node", node);
      return status.conditions.some(
        ({ type, status: is }: { type: string; status: string }) =>
          type === "Ready" && is === "True",
      );
    });
  }

  /** A node's count of a resource. */
  async allocatable(resource: string, node = nodeName): Promise<number> {
    const { status } = await this.kubectl.get("node", node);
    return Number(status.allocatable?.[resource] ?? 0);
  }

  /** The last lines of the daemons' logs, for a failed test's report. */
  logs(): string {
    const daemons = [...this.#controlPlane.daemons, this.#kubelet.daemon, this.containerd.daemon];
    return daemons.map((daemon) => `--- ${daemon.log}\n${daemon.tail(15)}`).join("\n");
  }
}
