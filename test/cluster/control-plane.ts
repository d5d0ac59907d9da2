import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "../kubelet/daemon.ts";
import { nodeName, runDir } from "../kubelet/paths.ts";
import { type Certificates, serviceRange } from "./certificates.ts";
import type { Kubectl } from "./kubectl.ts";
import { binary, ports, vmNodeName } from "./paths.ts";

/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes on loopback. */
export class ControlPlane {
  readonly #certificates: Certificates;
  readonly #kubectl: Kubectl;
  readonly daemons: readonly Daemon[];

  constructor(certificates: Certificates, kubectl: Kubectl) {
    this.#certificates = certificates;
    this.#kubectl = kubectl;
    this.daemons = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"].map(
      (name) => new Daemon(name),
    );
  }

  /** Resolves when the API server is ready and both controllers are healthy. */
  async start(): Promise<void> {
    const [etcd, api, manager, scheduler] = this.daemons;
    if (!etcd || !api || !manager || !scheduler) throw new Error("unreachable");
    await etcd.start(this.#etcd(), () => ok(`http://127.0.0.1:${ports.etcd}/health`));
    await api.start(this.#apiServer(), () => this.#kubectl.run(["get", "--raw=/readyz"]));
    await Promise.all([
      manager.start(this.#controllerManager(), () => healthy(ports.controllerManager)),
      scheduler.start(this.#scheduler(), () => healthy(ports.scheduler)),
    ]);
  }

  /** etcd last. */
  async stop(): Promise<void> {
    for (const daemon of this.daemons.toReversed()) await daemon.stop();
  }

  #etcd(): string[] {
    const client = `http://127.0.0.1:${ports.etcd}`;
    const peer = `http://127.0.0.1:${ports.etcdPeer}`;
    return [
      binary("etcd"),
      `--data-dir=${join(runDir, "etcd")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The cluster is thrown away.
      "--unsafe-no-fsync",
    ];
  }

  #apiServer(): string[] {
    const file = (name: string) => this.#certificates.file(name);
    const command = [
      binary("kube-apiserver"),
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      // It would refuse a loopback address as an endpoint of the service kubernetes.
      "--endpoint-reconciler-type=none",
      `--secure-port=${ports.api}`,
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--allow-privileged=true",
      `--client-ca-file=${file("ca.crt")}`,
      `--tls-cert-file=${file("apiserver.crt")}`,
      `--tls-private-key-file=${file("apiserver.key")}`,
      `--kubelet-client-certificate=${file("admin.crt")}`,
      `--kubelet-client-key=${file("admin.key")}`,
      `--kubelet-certificate-authority=${file("ca.crt")}`,
      "--kubelet-preferred-address-types=Hostname",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("service-account.pub")}`,
      `--service-account-signing-key-file=${file("service-account.key")}`,
      `--service-cluster-ip-range=${serviceRange}`,
      // Its end waits for open watches otherwise.
      "--shutdown-delay-duration=0s",
    ];
    // A kubelet refuses 127.0.0.1 as its address, so the API server alone knows the nodes' names as those of loopback.
    const hosts = join(runDir, "hosts");
    mkdirSync(runDir, { recursive: true });
    writeFileSync(hosts, `127.0.0.1 localhost ${nodeName} ${vmNodeName}\n`);
    const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
    return ["unshare", "--mount", "sh", "-c", script, hosts, ...command];
  }

  #controllerManager(): string[] {
    const config = this.#certificates.kubeconfig("controller-manager");
    return [
      binary("kube-controller-manager"),
      `--kubeconfig=${config}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.controllerManager}`,
      "--leader-elect=false",
      "--use-service-account-credentials",
      `--root-ca-file=${this.#certificates.file("ca.crt")}`,
      `--service-account-private-key-file=${this.#certificates.file("service-account.key")}`,
    ];
  }

  #scheduler(): string[] {
    return [
      binary("kube-scheduler"),
      `--kubeconfig=${this.#certificates.kubeconfig("scheduler")}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.scheduler}`,
      "--leader-elect=false",
    ];
  }
}

/** Both controllers serve a certificate of their own making. */
function healthy(port: number): Promise<void> {
  return ok(`https://127.0.0.1:${port}/healthz`);
}

async function ok(url: string): Promise<void> {
  const response = await fetch(url, {
    tls: { rejectUnauthorized: false },
    signal: AbortSignal.timeout(5000),
    headers: { connection: "close" },
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}
