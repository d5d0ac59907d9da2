import { PluginError } from "../../../common/plugin-error.ts";
import type { Privileges } from "../../../linux/privileges.ts";

/**
 * Explains a node that the rules of the device control group keep this process from opening.
 *
 * A privileged container has no such rules, unless containerd's `privileged_without_host_devices` is on
 * (containerd/containerd#5679); a container that isn't privileged always has some.
 *
 * @param privileges Of this process; undefined counts as not privileged.
 */
export function deviceRulesError(path: string, privileges: Privileges | undefined): PluginError {
  const what = `${path} can't be opened: the container's device rules forbid it (EPERM)`;
  if (isPrivileged(privileges)) {
    return new PluginError(
      "device_not_permitted",
      `${what}, although the container is privileged. containerd does so with privileged_without_host_devices = true.`,
      {
        remedy:
          "On the node, set privileged_without_host_devices = false for the pod's runtime in /etc/containerd/config.toml, restart containerd, and delete the plugin's pod. Or name a runtime without that setting in the pod's runtimeClassName.",
      },
    );
  }
  return new PluginError("device_not_permitted", `${what}.`, {
    remedy: "Run the container privileged: nothing less may open a device of the host.",
  });
}

/** True if only a privileged container, or a process of the host, has these privileges. */
function isPrivileged(privileges: Privileges | undefined): boolean {
  return (
    privileges?.uid === 0 &&
    privileges.capabilities.includes("CAP_SYS_ADMIN") &&
    !privileges.filtered
  );
}
