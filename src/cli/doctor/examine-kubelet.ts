import { noAccess } from "../tools/connects.ts";
import { type Check, checkNamed, runAsRoot } from "./check.ts";
import type { Facts } from "./facts.ts";

/** Checks the directory for the plugin's own socket, and the kubelet's socket in it. */
export function examineKubelet({ kubelet, config, privileges }: Facts): Check[] {
  const directory = checkNamed("kubelet_directory", "kubelet directory");
  const socket = checkNamed("kubelet_socket", "kubelet socket");
  if (kubelet.state === "forbidden") {
    return [directory.problem(`${kubelet.directory}: ${noAccess}`, runAsRoot)];
  }
  if (kubelet.state === "absent") {
    return [
      directory.problem(
        `there is no ${kubelet.directory}`,
        "Run this on a Kubernetes node; in a container, mount that directory of the host.",
      ),
    ];
  }
  return [
    kubelet.writable
      ? directory.ok(kubelet.directory)
      : directory.problem(
          `${kubelet.directory} can't be written to`,
          privileges?.uid === 0 ? "Mount the directory without readOnly." : runAsRoot,
        ),
    kubelet.accepts === ""
      ? socket.ok(`${config.kubeletSocket} accepts connections`)
      : socket.problem(
          `${config.kubeletSocket}: ${kubelet.accepts}`,
          kubelet.accepts === noAccess
            ? runAsRoot
            : "Start the kubelet: systemctl status kubelet (k3s, rke2: their own service)",
        ),
  ];
}

/** Checks pod-resources, without which the plugin works with fewer features. */
export function examinePodResources({ podResources, config }: Facts): Check {
  const check = checkNamed("pod_resources", "pod-resources");
  if (podResources === "") return check.ok(`${config.podResourcesSocket} answers`);
  return check.warning(
    `${config.podResourcesSocket}: ${podResources}; the plugin doesn't know which pod owns which device`,
    podResources === noAccess
      ? runAsRoot
      : "In a container, mount the host's /var/lib/kubelet/pod-resources.",
  );
}
