import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModuleVersion } from "../kernel/provision.ts";
import { Daemon } from "../kubelet/daemon.ts";
import { waitFor } from "../kubelet/wait.ts";
import { makeDisks, type NodeDisks, nodeCommand } from "../node/node-vm.ts";
import type { Cluster } from "./cluster.ts";
import { makeImageDisk, type NodeImage } from "./image-disk.ts";
import { binary, ports, vmNodeName } from "./paths.ts";

/** What anything may take on an emulated node on a busy machine, ms. */
export const vmPatienceMs = 600_000;

/** Between two looks at the cluster, ms: each starts a kubectl, which takes CPU from the emulation. */
const LOOK_MS = 2000;

/** Resolves when `probe` has an answer: like `waitFor`, for what a VM takes long for. */
export function waitForVm<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  return waitFor(what, vmPatienceMs, async () => {
    const answer = await probe().catch((error: unknown) => error as Error);
    if (answer instanceof Error || answer === undefined) await Bun.sleep(LOOK_MS);
    if (answer instanceof Error) throw answer;
    return answer;
  });
}

/** After so long timeout(1) ends the VM, s. */
const LIMIT_SECONDS = 3600;

/** What a {@link VmNode} has beside what all have. */
export interface VmNodeOptions {
  readonly images: readonly NodeImage[];
  /** Programs of this machine, by their names in the node's /story/bin. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly moduleVersion?: ModuleVersion;
}

/**
 * A second node of a {@link Cluster}: a VM with a Debian, systemd, the cluster's containerd and kubelet, and the real
 * v4l2loopback. It reaches the API server of the cluster on this machine's loopback, and pulls no images: a disk has them.
 */
export class VmNode {
  readonly name = vmNodeName;
  readonly daemon = new Daemon("vm-node");
  readonly #cluster: Cluster;
  readonly #disks: NodeDisks;
  readonly #images: readonly NodeImage[];
  readonly #work = mkdtempSync(join(tmpdir(), "vm-node-"));

  /** `directory` is what `test/node/provision.sh` printed. */
  constructor(cluster: Cluster, directory: string, options: VmNodeOptions) {
    const { images, programs = {}, moduleVersion = "0.15.4" } = options;
    this.#cluster = cluster;
    this.#images = images;
    const guest = (name: string) => join(import.meta.dir, "guest", name);
    const certificate = (name: string) => cluster.certificates.file(name);
    this.#disks = {
      directory,
      moduleVersion,
      modules: ["virtio_net"],
      story: {
        root: guest("root"),
        "network.sh": guest("network.sh"),
        "shell.sh": guest("shell.sh"),
        "pki/ca.crt": certificate("ca.crt"),
        "pki/kubelet.crt": certificate("vm-kubelet.crt"),
        "pki/kubelet.key": certificate("vm-kubelet.key"),
        "pki/kubelet.kubeconfig": cluster.certificates.kubeconfig("vm-kubelet"),
        ...Object.fromEntries(
          ["containerd", "containerd-shim-runc-v2", "ctr", "kubelet"].map((name) => [
            `bin/${name}`,
            binary(name),
          ]),
        ),
        ...Object.fromEntries(
          Object.entries(programs).map(([name, program]) => [`bin/${name}`, program]),
        ),
      },
    };
  }

  /** Resolves when the node is Ready. The cluster has to run. */
  async start(): Promise<void> {
    makeDisks(this.#disks, this.#work);
    const images = join(this.#work, "images");
    await makeImageDisk(this.#images, images);
    const forward = (port: number) => `hostfwd=tcp:127.0.0.1:${port}-:${port}`;
    const network = ["user,id=net", forward(ports.vmKubelet), forward(ports.vmShell)].join(",");
    const command = nodeCommand(this.#disks.directory, this.#work, LIMIT_SECONDS, {
      qemu: [
        ...["-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile="],
        ...["-drive", `file=${images},if=virtio,format=raw,cache=unsafe`],
      ],
      // No story is played on it, so its own service for that stays out.
      kernel: ["net.ifnames=0", "systemd.mask=story.service", "systemd.wants=shell.socket"],
    });
    await this.daemon.start(command, () => this.#isReady(), {}, vmPatienceMs);
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
    rmSync(this.#work, { recursive: true, force: true });
  }

  /**
   * Runs a script of bash on the node, as root.
   *
   * @returns what it printed, trimmed.
   * @throws Error with that, if it didn't end with 0.
   */
  async run(script: string): Promise<string> {
    const answer = await exchange(ports.vmShell, `${script}\0`);
    const [, output = "", code] = /^(.*)\nexit (\d+)\n$/s.exec(answer) ?? [];
    if (code === "0") return output.trim();
    throw new Error(`on ${this.name}, ${script} ended with ${code ?? "no exit code"}:\n${answer}`);
  }

  /** Reboots it as an administrator does, pods and all. Resolves when the node is Ready again. */
  async reboot(): Promise<void> {
    const before = await this.#bootId();
    // The node may be down before it has answered.
    await this.run("systemctl start --no-block reboot.target").catch(() => undefined);
    await waitForVm(`${this.name} has booted again`, async () =>
      (await this.#bootId()) !== before ? true : undefined,
    );
    await this.#isReady();
  }

  async #isReady(): Promise<void> {
    const { kubectl } = this.#cluster;
    const args = ["wait", "--for=condition=Ready", `node/${this.name}`, "--timeout=60s"];
    await waitForVm(`${this.name} is Ready`, () => kubectl.run(args));
  }

  async #bootId(): Promise<string> {
    return (await this.#cluster.kubectl.get("node", this.name)).status.nodeInfo.bootID;
  }

  /** The last lines of its kubelet, containerd and kernel, for a failed test's report. */
  async logs(): Promise<string> {
    const script = "journalctl --no-pager -b -n 40 -u kubelet -u containerd; dmesg | tail -n 15";
    const journal = await this.run(script).catch(() => "");
    if (journal !== "") return journal;
    const console = await Bun.file(join(this.#work, "console"))
      .text()
      .catch(() => "");
    return `${this.daemon.tail()}\n${console.split("\n").slice(-60).join("\n")}`;
  }
}

/** Sends a text to a port of loopback. @returns all that comes back until the other side closes. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setTimeout(vmPatienceMs, () => socket.destroy(new Error(`port ${port} is silent`)));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
  });
}
