import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";
import { imageArchive, imageName } from "./image.ts";
import { containerdSocket, dataDir, runDir } from "./paths.ts";
import { cniPlugins, makePodNetwork } from "./pod-network.ts";

/** Where containerd keeps a directory for each container that runs (`state` of its configuration). */
export const taskDir = join(runDir, "containerd/io.containerd.runtime.v2.task/k8s.io");

/** A container of a pod that has a live process. */
export interface RunningContainer {
  id: string;
  /** Of its first process, in the host's numbering. */
  pid: number;
}

/** What a process in a container has written, and its exit code. */
export interface ExecResult {
  stdout: string;
  stderr: string;
  code: number;
}

/** Part of a container's OCI specification (runtime-spec, config-linux.md). */
export interface ContainerDevices {
  devices: { path: string; type: string; major: number; minor: number }[];
  rules: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[];
}

const networkDir = join(runDir, "networks");

/** A directory for each registry that has a mirror here (https://github.com/containerd/containerd/blob/main/docs/hosts.md). */
const registriesDir = join(runDir, "registries");

/** A pod with this annotation, "true", has a runtime with `privileged_without_host_devices` (pkg/cri/annotations). */
export const untrustedAnnotation = "io.kubernetes.cri.untrusted-workload";

const configuration = (snapshots = snapshotter()) => `version = 2
root = "${join(dataDir, "containerd")}"
state = "${join(runDir, "containerd")}"

[grpc]
  address = "${containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageName}"
  # Machines that are containers or microVMs themselves often may not lower a score.
  restrict_oom_score_adj = true
  disable_tcp_service = true
  # Network namespaces below our own directory, instead of in /run/netns.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshots}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
    # The runtime of pods with the annotation "${untrustedAnnotation}": without an API server
    # there is no RuntimeClass that could name another.
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.untrusted]
      runtime_type = "io.containerd.runc.v2"
      privileged_without_host_devices = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${registriesDir}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniPlugins()}"
    conf_dir = "${networkDir}"
# containerd 2 unpacks a pulled image only for the snapshotters that are listed here.
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = "linux/${process.arch === "x64" ? "amd64" : process.arch}"
  snapshotter = "${snapshots}"
`;

/** Plain copies where overlayfs does not stack on the file system of {@link dataDir}: slower, with the same result. */
function snapshotter(): "overlayfs" | "native" {
  const trial = mkdtempSync(join(dataDir, "overlay-"));
  const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((name) => {
    const directory = join(trial, name);
    mkdirSync(directory);
    return directory;
  });
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const mount = ["mount", "-t", "overlay", "overlay", "-o", layers, `${merged}`];
  const { exitCode } = Bun.spawnSync(mount, { stdout: "ignore", stderr: "ignore" });
  if (exitCode === 0) Bun.spawnSync(["umount", `${merged}`]);
  rmSync(trial, { recursive: true });
  return exitCode === 0 ? "overlayfs" : "native";
}

/** A containerd of our own beside any other on the machine: own socket, state and content. */
export class Containerd {
  readonly daemon = new Daemon("containerd");
  readonly #path: string;

  /** `directory`: where its programs are, if not in PATH. */
  constructor(directory?: string) {
    this.#path = [directory, process.env["PATH"], "/usr/sbin:/sbin"].filter(Boolean).join(":");
  }

  /** Starts it and imports the image from `busybox`. */
  async start(busybox: string): Promise<void> {
    mkdirSync(runDir, { recursive: true });
    mkdirSync(dataDir, { recursive: true });
    const config = join(runDir, "containerd.toml");
    makePodNetwork(networkDir);
    writeFileSync(config, configuration());
    const command = [this.#which("containerd"), "--config", config];
    await this.daemon.start(command, () => this.#ctr("version"), { PATH: this.#path });
    const archive = join(runDir, "image.tar");
    writeFileSync(archive, imageArchive(busybox));
    // Unpacked when the first container needs it, by the plugin that knows which snapshotter is set.
    await this.#ctr("images", "import", "--no-unpack", archive);
  }

  /** Imports an image archive, under the name that is in it, and unpacks it, for which the kubelet would wait 2 minutes. */
  async importImage(archive: string): Promise<void> {
    await this.#ctr("images", "import", "--snapshotter", snapshotter(), archive);
  }

  /** Pushes an image to a registry on loopback, under a name in it. */
  async pushImage(image: string, name: string): Promise<void> {
    await this.#ctr("images", "tag", "--force", image, name);
    await this.#ctr("images", "push", "--plain-http", name);
  }

  /** From now on, has the images of `registry`, such as ghcr.io, come from `host`, which serves without TLS. */
  mirror(registry: string, host: string): void {
    const directory = join(registriesDir, registry);
    mkdirSync(directory, { recursive: true });
    const capabilities = 'capabilities = ["pull", "resolve"]';
    const hosts = `server = "http://${host}"\n[host."http://${host}"]\n${capabilities}\n`;
    writeFileSync(join(directory, "hosts.toml"), hosts);
  }

  /** Runs a further process in a container, as `kubectl exec` does, to its end. */
  async exec(id: string, command: readonly string[]): Promise<ExecResult> {
    const execId = crypto.randomUUID();
    const child = this.#spawn(["tasks", "exec", "--exec-id", execId, id, ...command]);
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { stdout, stderr, code };
  }

  /** Kills what runs, then stops: nothing of ours survives it. */
  async stop(): Promise<void> {
    if (this.daemon.running) {
      const tasks = await this.#tasks().catch(() => new Map<string, number>());
      for (const id of tasks.keys()) {
        await this.#ctr("tasks", "delete", "--force", id).catch(() => undefined);
      }
    }
    await this.daemon.stop();
  }

  /** The pod's running containers, without its sandbox, by container name. */
  async containersOf(podName: string): Promise<Map<string, RunningContainer>> {
    const tasks = await this.#tasks();
    const found = new Map<string, RunningContainer>();
    for (const [id, pid] of tasks) {
      const labels = await this.#labels(id);
      const container = labels["io.kubernetes.container.name"];
      if (labels["io.kubernetes.pod.name"] !== podName || container === undefined) continue;
      found.set(container, { id, pid });
    }
    return found;
  }

  /** True if anything of the pod runs, its sandbox included. */
  async runsAnythingOf(podName: string): Promise<boolean> {
    for (const id of (await this.#tasks()).keys()) {
      if ((await this.#labels(id))["io.kubernetes.pod.name"] === podName) return true;
    }
    return false;
  }

  /** What the container was created with. */
  async devicesOf(id: string): Promise<ContainerDevices> {
    const { Spec } = JSON.parse(await this.#ctr("containers", "info", id)) as {
      Spec: {
        linux: {
          devices: ContainerDevices["devices"];
          resources: { devices: ContainerDevices["rules"] };
        };
      };
    };
    return { devices: Spec.linux.devices, rules: Spec.linux.resources.devices };
  }

  /** Process IDs of running tasks by container ID. */
  async #tasks(): Promise<Map<string, number>> {
    const lines = (await this.#ctr("tasks", "list")).trim().split("\n").slice(1);
    const rows = lines.map((line) => line.trim().split(/\s+/));
    return new Map(
      rows.filter((row) => row[2] === "RUNNING").map((row) => [row[0] ?? "", Number(row[1])]),
    );
  }

  async #labels(id: string): Promise<Record<string, string>> {
    // Gone between the list and this question is an answer too.
    const text = await this.#ctr("containers", "info", id).catch(() => "{}");
    return (JSON.parse(text) as { Labels?: Record<string, string> }).Labels ?? {};
  }

  async #ctr(...args: string[]): Promise<string> {
    const child = this.#spawn(args);
    const [output, complaint, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(`ctr ${args.join(" ")}: ${complaint.trim()}`);
    return output;
  }

  #which(program: string): string {
    return Bun.which(program, { PATH: this.#path }) ?? program;
  }

  #spawn(args: readonly string[]) {
    const place = ["--address", containerdSocket, "--namespace", "k8s.io"];
    const command = [this.#which("ctr"), ...place, ...args];
    return Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  }
}
