import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../cluster/cluster.ts";
import { ports as clusterPorts } from "../cluster/paths.ts";
import { Daemon } from "../kubelet/daemon.ts";
import { runDir } from "../kubelet/paths.ts";
import { cacheOf } from "../support/cache-of.ts";

/** The release under test; `go.mod` names the same one. */
export const kedaVersion = "2.21.0";

/** Where `provision.sh` leaves the programs and KEDA's manifests. */
const cache = cacheOf("keda");
const operator = join(cache, "bin/keda-operator");

/** The reason why KEDA can't run here; undefined if it can. */
export function unsupported(): string | undefined {
  return existsSync(operator) ? undefined : "no keda-operator; run test/keda/provision.sh";
}

/** Beside those of the cluster. */
const ports = { redis: 26379, metrics: 28080, healthz: 28081, grpc: 29666 } as const;

/** KEDA's namespace, which its manifests name. */
const namespace = "keda";

/** Where pods and the operator reach Redis: all of 198.18.77.0/24 is the pods', so this is another address of the host. */
const host = "198.18.78.1";

/** An empty Redis that the pods reach. */
export class Redis {
  /** Host and port, as the example has them in a variable. */
  readonly address = `${host}:${ports.redis}`;
  readonly daemon = new Daemon("redis-server");
  #client: Bun.RedisClient | undefined;

  async start(): Promise<void> {
    Bun.spawnSync(["ip", "address", "add", `${host}/32`, "dev", "lo"]);
    const command = [
      join(cache, "bin/redis-server"),
      ...["--bind", host, "--port", String(ports.redis)],
      // It keeps nothing, and answers others than this host without a password.
      ...["--save", "", "--protected-mode", "no"],
    ];
    await this.daemon.start(command, async () => {
      this.#client ??= new Bun.RedisClient(`redis://${this.address}`);
      await this.#client.ping();
    });
  }

  async stop(): Promise<void> {
    this.#client?.close();
    await this.daemon.stop();
    Bun.spawnSync(["ip", "address", "del", `${host}/32`, "dev", "lo"]);
  }

  /** Appends entries to a list. */
  async push(list: string, entries: readonly string[]): Promise<void> {
    await this.send("RPUSH", [list, ...entries]);
  }

  /** The number of entries of a list. */
  async length(list: string): Promise<number> {
    return Number(await this.send("LLEN", [list]));
  }

  send(command: string, args: string[]): Promise<unknown> {
    if (!this.#client) throw new Error("Redis is not started");
    return this.#client.send(command, args);
  }
}

/**
 * KEDA's operator as a process, with the rights of its own ServiceAccount. Neither its metrics server, which serves the
 * HorizontalPodAutoscalers of ScaledObjects, nor its admission webhooks run.
 */
export class Keda {
  readonly daemon = new Daemon("keda-operator");

  /** Resolves when the operator is ready. */
  async start({ kubectl }: Cluster): Promise<void> {
    for (const part of ["general", "crd", "service_account", "rbac"]) {
      // The definitions are too large for the annotation of a client-side apply.
      await kubectl.run(["apply", "--server-side", "-k", join(cache, "config", part)]);
    }
    const crds = ["scaledjobs", "scaledobjects", "triggerauthentications"];
    const names = crds.map((name) => `crd/${name}.keda.sh`);
    await kubectl.run(["wait", "--for=condition=Established", "--timeout=60s", ...names]);
    const token = await kubectl.run(["create", "token", "keda-operator", "-n", namespace]);
    const kubeconfig = join(runDir, "keda.kubeconfig");
    writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(token)), { mode: 0o600 });
    const command = [
      operator,
      `--metrics-bind-address=127.0.0.1:${ports.metrics}`,
      `--health-probe-bind-address=127.0.0.1:${ports.healthz}`,
      `--metrics-service-bind-address=127.0.0.1:${ports.grpc}`,
      `--cert-dir=${certificates()}`,
      "--zap-log-level=info",
      "--zap-encoder=console",
      "--zap-time-encoding=rfc3339",
    ];
    const env = {
      KUBECONFIG: kubeconfig,
      POD_NAMESPACE: namespace,
      KEDA_CLUSTER_OBJECT_NAMESPACE: namespace,
      WATCH_NAMESPACE: "",
    };
    await this.daemon.start(command, ready, env);
  }

  stop(): Promise<void> {
    return this.daemon.stop();
  }
}

async function ready(): Promise<void> {
  const url = `http://127.0.0.1:${ports.healthz}/readyz`;
  const response = await fetch(url, { headers: { connection: "close" } });
  if (!response.ok) throw new Error(`${response.status}`);
}

/** Makes the directory that the operator's gRPC service needs to start. In a cluster the metrics server calls it. */
function certificates(): string {
  const directory = join(runDir, "keda-certificates");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const files = { "ca.crt": "ca.crt", "kubelet.crt": "tls.crt", "kubelet.key": "tls.key" };
  for (const [from, to] of Object.entries(files)) {
    copyFileSync(join(runDir, "pki", from), join(directory, to));
  }
  return directory;
}

function kubeconfigOf(token: string): object {
  const cluster = {
    server: `https://127.0.0.1:${clusterPorts.api}`,
    "certificate-authority": join(runDir, "pki/ca.crt"),
  };
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": namespace,
    contexts: [{ name: namespace, context: { cluster: namespace, user: namespace } }],
    clusters: [{ name: namespace, cluster }],
    users: [{ name: namespace, user: { token } }],
  };
}
