import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArchiveFile } from "../kernel/cpio.ts";
import type { ModuleVersion } from "../kernel/provision.ts";
import type { VmMachine } from "../kernel/vm.ts";

/** Where the disk of provision.sh is in the VM. */
export const DEBIAN = "/debian";

/** The machine that has provision.sh's disk, and v4l2loopback of several versions. `cache` is the directory of both. */
export function machineWithChromium(
  cache: string,
  versions: readonly ModuleVersion[],
  files: Readonly<Record<string, ArchiveFile>>,
): VmMachine {
  const directory = join(cache, "kernel");
  const release = readFileSync(join(directory, "kernel/release"), "utf8").trim();
  const order = readFileSync(join(cache, "chromium/modules/order"), "utf8").trim().split("\n");
  return {
    directory,
    moduleVersion: versions[0] ?? "none",
    disk: join(cache, "chromium/root.ext4"),
    files: {
      ...files,
      "/disk-modules/order": { text: order.map((name) => `${name}\n`).join("") },
      ...Object.fromEntries(
        order.map((name) => [
          `/disk-modules/${name}`,
          { from: join(cache, "chromium/modules", name) },
        ]),
      ),
      ...Object.fromEntries(
        versions.map((version) => [
          `/v4l2loopback/${version}.ko`,
          {
            from: join(
              directory,
              `trees/${version}/lib/modules/${release}/updates/dkms/v4l2loopback.ko`,
            ),
          },
        ]),
      ),
    },
  };
}

/** Mounts the disk, and lets its programs run outside of it. For the begin of a script. */
export const mountDebian = `
for module in $(cat /disk-modules/order); do insmod /disk-modules/$module; done
wait_for 10 test -b /dev/vda
mkdir -p ${DEBIAN}
mount -t ext4 /dev/vda ${DEBIAN}
for directory in dev proc sys tmp; do mount -o bind /$directory ${DEBIAN}/$directory; done
mount -t tmpfs tmpfs ${DEBIAN}/run
chmod 1777 /tmp /dev/shm
programs=${DEBIAN}/opt/programs/usr
export PATH=$PATH:$programs/bin LD_LIBRARY_PATH=$programs/lib/x86_64-linux-gnu
export GST_PLUGIN_SYSTEM_PATH=$LD_LIBRARY_PATH/gstreamer-1.0 GST_REGISTRY_FORK=no
`;
