import { existsSync, readdirSync } from "node:fs";
import { busyboxPath } from "./image.ts";
import { foreignPluginDirectory } from "./leftovers.ts";
import { otherOwner } from "./owner.ts";
import { kubeletBinary, kubeletRoot, kubeletRootMarker } from "./paths.ts";
import { cniPlugins } from "./pod-network.ts";

const remedy = "run test/kubelet/provision.sh";

/** Why no real kubelet can run here, or undefined if one can. */
export function unsupported(): string | undefined {
  if (process.platform !== "linux") return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "needs root";
  if (!existsSync(kubeletBinary())) return `no kubelet at ${kubeletBinary()}; ${remedy}`;
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  for (const command of ["containerd", "ctr", "runc", "umount"]) {
    if (!Bun.which(command, { PATH: path })) return `no ${command}; ${remedy}`;
  }
  if (!busyboxPath()) return `no statically linked busybox; ${remedy}`;
  if (!cniPlugins()) return `no CNI plugins; ${remedy}`;
  if (!existsSync("/dev/kmsg")) return "no /dev/kmsg, which a kubelet reads";
  if (!existsSync("/sys/fs/cgroup/cgroup.controllers") && !existsSync("/sys/fs/cgroup/memory")) {
    return "no cgroup hierarchy at /sys/fs/cgroup";
  }
  const owner = otherOwner();
  if (owner !== undefined) return `process ${owner} runs the node of this machine`;
  const state = foreignPluginDirectory();
  if (state !== undefined) {
    return `${state} belongs to a plugin of this machine; remove it if that isn't used any more`;
  }
  return foreignKubelet();
}

/** The kubelet's directory can't be moved (device-plugins is hard-coded), so a machine has room for one. */
function foreignKubelet(): string | undefined {
  if (!existsSync(kubeletRoot) || existsSync(kubeletRootMarker)) return undefined;
  if (readdirSync(kubeletRoot).length === 0) return undefined;
  return `${kubeletRoot} belongs to another kubelet; it is left alone`;
}
