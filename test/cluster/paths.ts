import { join } from "node:path";
import { cacheOf } from "../support/cache-of.ts";

/** The release under test; `provision.sh` and `kubernetes/go.mod` name the same one. */
export const kubernetesVersion = "1.37.2";

/** Where `provision.sh` leaves the programs. */
export const binaries = join(cacheOf("cluster"), "bin");

/** Path of one of them. */
export const binary = (name: string): string => join(binaries, name);

/** Beside those of any cluster, so that one on this machine is no obstacle. */
export const ports = {
  etcd: 22379,
  etcdPeer: 22380,
  api: 26443,
  controllerManager: 20257,
  scheduler: 20259,
  registry: 25000,
  vmKubelet: 20251,
  vmShell: 20252,
} as const;

/** Name of the node that is a VM ({@link VmNode}). */
export const vmNodeName = "vdp-vm";

/** This machine's loopback, as QEMU's user network shows it to a VM (https://www.qemu.org/docs/master/system/devices/net.html). */
export const vmHostAddress = "10.0.2.2";
