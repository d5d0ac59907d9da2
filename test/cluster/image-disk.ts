import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../image/run.ts";
import { Daemon } from "../kubelet/daemon.ts";
import { binary } from "./paths.ts";

/** An image that a {@link VmNode} has from its first boot. */
export interface NodeImage {
  /** Path of a `docker save` or OCI archive. */
  readonly archive: string;
  /** What pods call it, with registry and tag, where that isn't its name in the archive. */
  readonly names?: { readonly inArchive: string; readonly inPods: readonly string[] };
}

/** After so long timeout(1) ends containerd, s. */
const LIMIT_SECONDS = 900;

/** Its size, which no node fills: the file is sparse. */
const DISK_SIZE = "16G";

/**
 * Writes a disk with an ext4 that has what containerd keeps in /var/lib/containerd once it has unpacked these images. A
 * containerd of this machine unpacks them, with the version of the node's own: an emulated CPU takes ten minutes for an
 * image with Chromium.
 */
export async function makeImageDisk(images: readonly NodeImage[], disk: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "vm-images-"));
  const path = (name: string) => join(work, name);
  const containerd = new Daemon("vm-images");
  const ctr = (...args: string[]) =>
    run([binary("ctr"), "--address", path("socket"), "--namespace", "k8s.io", ...args]);
  try {
    mkdirSync(path("root"));
    writeFileSync(path("config.toml"), configuration(path));
    const command = [binary("containerd"), "--config", path("config.toml")];
    const limited = ["timeout", "--signal=KILL", String(LIMIT_SECONDS), ...command];
    await containerd.start(limited, () => ctr("version"));
    for (const { archive, names } of images) {
      await ctr("images", "import", "--local", "--snapshotter", "overlayfs", archive);
      for (const name of names?.inPods ?? []) {
        await ctr("images", "tag", "--force", names?.inArchive ?? "", name);
      }
    }
    // Its databases are whole after its end.
    await containerd.stop();
    await run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", path("root"), disk, DISK_SIZE]);
  } finally {
    await containerd.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Pods are not this containerd's work. */
const configuration = (path: (name: string) => string) => `version = 2
root = "${path("root")}"
state = "${path("state")}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "${path("socket")}"
`;
