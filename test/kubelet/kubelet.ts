import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";
import {
  containerdSocket,
  kubeletBinary,
  kubeletRoot,
  kubeletRootMarker,
  kubeletSocket,
  manifestDir,
  nodeName,
  podLogsDir,
  podResourcesSocket,
  ports,
  runDir,
} from "./paths.ts";

/**
 * A node without an API server. Loops run once a second for short tests; whatever would act on
 * the machine (eviction, image collection, firewall rules, cgroups of its own) is off.
 * https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/
 */
const configuration = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  address: "127.0.0.1",
  port: ports.api,
  readOnlyPort: ports.readOnly,
  healthzPort: ports.healthz,
  authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
  authorization: { mode: "AlwaysAllow" },
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  staticPodPath: manifestDir,
  podLogsDir,
  volumePluginDir: join(runDir, "volume-plugins"),
  fileCheckFrequency: "1s",
  syncFrequency: "1s",
  cgroupDriver: "cgroupfs",
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failSwapOn: false,
  failCgroupV1: false,
  makeIPTablesUtilChains: false,
  enableControllerAttachDetach: false,
  localStorageCapacityIsolation: false,
  resolvConf: "",
  evictionHard: {
    "memory.available": "0%",
    "nodefs.available": "0%",
    "nodefs.inodesFree": "0%",
    "imagefs.available": "0%",
    "imagefs.inodesFree": "0%",
  },
  imageGCHighThresholdPercent: 100,
  // 2 is what kubeadm sets; node-status.ts reads lines of this level.
  logging: { verbosity: 2 },
};

/** How a kubelet differs from that of a node without an API server. */
export interface KubeletOptions {
  readonly binary?: string;
  /** Over {@link configuration}. */
  readonly configuration?: object;
  readonly arguments?: readonly string[];
}

/** The kubelet's process. Containers are containerd's children and outlive it. */
export class Kubelet {
  readonly daemon = new Daemon("kubelet");
  readonly #options: KubeletOptions;

  constructor(options: KubeletOptions = {}) {
    this.#options = options;
  }

  /** Resolves when it is healthy and both of its sockets accept. */
  async start(): Promise<void> {
    for (const dir of [kubeletRoot, manifestDir]) mkdirSync(dir, { recursive: true });
    writeFileSync(kubeletRootMarker, "Made by video-device-plugin's level 3 tests.\n");
    const config = join(runDir, "kubelet.json");
    const { binary = kubeletBinary(), arguments: more = [] } = this.#options;
    const all = { ...configuration, ...this.#options.configuration };
    writeFileSync(config, JSON.stringify(all, null, 2));
    const command = [binary, "--config", config, "--hostname-override", nodeName, ...more];
    await this.daemon.start(command, async () => {
      await accepts(kubeletSocket);
      await accepts(podResourcesSocket);
      await get(ports.healthz, "/healthz");
      await this.readOnly("/pods");
    });
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
  }

  /** SIGKILL: its sockets' files stay behind. */
  async kill(): Promise<void> {
    await this.daemon.stop("SIGKILL");
  }

  /** A page of the read-only port, e.g. `/pods`. */
  async readOnly(path: string): Promise<string> {
    return get(ports.readOnly, path);
  }
}

async function get(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    signal: AbortSignal.timeout(10_000),
    // A kept connection of a stopped kubelet would fail the first request to the next one.
    headers: { connection: "close" },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`kubelet ${path}: ${response.status} ${text.trim()}`);
  return text;
}

function accepts(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}
