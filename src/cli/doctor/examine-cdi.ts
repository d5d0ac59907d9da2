import type { Config } from "../../config/config.ts";
import { noAccess, noSocket } from "../tools/connects.ts";
import { type Check, checkNamed, runAsRoot } from "./check.ts";
import type { ContainerRuntime } from "./container-runtime.ts";

/** What the doctor checks if a pool has `cdi: auto`. */
export interface CdiFacts {
  /** The node's container runtime; a text says why it is unknown. */
  readonly runtime: ContainerRuntime | string;
  /** True if this user may write to the directory of CDI devices, or may create it. */
  readonly isWritable: boolean;
}

const withGroup =
  "Without CDI, pods that are not root need the node's group in supplementalGroups.";

/** Checks what the container runtime does with CDI devices: some ignore them without a word. */
export function examineCdi(
  { runtime, isWritable }: CdiFacts,
  { cdiDir }: Pick<Config, "cdiDir">,
): Check {
  const check = checkNamed("cdi", "CDI");
  if (!isWritable) {
    return check.warning(
      `${cdiDir} can't be written to, so pods get device nodes with mode and group of the host's`,
      process.getuid?.() === 0 ? "Mount the directory without readOnly." : runAsRoot,
    );
  }
  if (typeof runtime === "string") return check.warning(unknown(runtime), whereToLook(runtime));
  const name = `${runtime.name} ${runtime.version}`;
  const use = useOfCdi(runtime);
  if (use === "none") {
    return check.warning(`${name} ignores CDI devices: it has no CDI`, withGroup);
  }
  if (use === "off") {
    return check.warning(
      `${name} ignores CDI devices: enable_cdi is false`,
      `Set enable_cdi = true in [plugins.${pluginOf(runtime)}] of containerd's configuration, and restart containerd. ${withGroup}`,
    );
  }
  if (use === "unknown") {
    return check.warning(`unknown what ${name} does with CDI devices`, whereToLook(""));
  }
  const directories = runtime.config?.["cdiSpecDirs"];
  if (Array.isArray(directories) && !directories.map(real).includes(real(cdiDir))) {
    return check.warning(
      `${name} reads CDI devices from ${directories.join(", ")}, and not from ${cdiDir}`,
      "Set CDI_DIR to one of these directories, or add it to the runtime's cdi_spec_dirs: containers with CDI devices can't start.",
    );
  }
  return check.ok(`${name} uses CDI devices, so the user of a container may open its device`);
}

/**
 * containerd has the switch `enable_cdi` from 1.7 to 2.3, and names the directories from 1.7 on
 * (https://github.com/containerd/containerd/blob/main/RELEASES.md#deprecated-config-properties). CRI-O has CDI since 1.23
 * (https://github.com/cncf-tags/container-device-interface#how-to-configure-cdi).
 */
function useOfCdi({ name, version, config }: ContainerRuntime): "on" | "off" | "none" | "unknown" {
  if (name === "containerd") {
    if (config === undefined) return "unknown";
    if (config["enableCDI"] === false) return "off";
    return "cdiSpecDirs" in config ? "on" : "none";
  }
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (name !== "cri-o" || major === undefined) return "unknown";
  return Number(major) > 1 || Number(minor) >= 23 ? "on" : "none";
}

/** Where containerd's configuration has its switch: version 3 of the format, from 2.0 on, moved it. */
function pluginOf({ version }: ContainerRuntime): string {
  return version.startsWith("1.")
    ? '"io.containerd.grpc.v1.cri"'
    : '"io.containerd.cri.v1.runtime"';
}

/** /var/run is a link to /run on every distribution with systemd. */
function real(directory: unknown): string {
  return String(directory)
    .replace(/^\/var\/run\//, "/run/")
    .replace(/\/$/, "");
}

function unknown(why: string): string {
  const reason = why === noSocket ? "no container runtime has a socket here" : why;
  return `unknown what the container runtime does with CDI devices: ${reason}`;
}

function whereToLook(why: string): string {
  if (why === noAccess) return runAsRoot;
  return `Run this on the host, or look at the version: kubectl get nodes -o wide. containerd 2 and CRI-O from 1.23 use CDI devices, containerd 1.7 does with enable_cdi = true, and containerd 1.6 ignores them. ${withGroup}`;
}
