import { overlapping, separateOffers } from "../../plugin/other-offers.ts";
import { videoIdOf } from "../../pod-resources/video-id.ts";
import { deviceId, numbersFrom } from "../../v4l2/device-ids.ts";
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
export function examinePodResources({ podResources, podResourcesRemedy, config }: Facts): Check {
  const check = checkNamed("pod_resources", "pod-resources");
  if (podResources === "") return check.ok(`${config.podResourcesSocket} answers`);
  return check.warning(
    `${config.podResourcesSocket}: ${podResources}; the plugin doesn't know which pod owns which device`,
    podResources === noAccess
      ? runAsRoot
      : (podResourcesRemedy ?? "In a container, mount the host's /var/lib/kubelet/pod-resources."),
  );
}

/** Checks whether another device plugin has devices of the configured range. None if the kubelet doesn't say. */
export function examineOtherPlugins(facts: Facts): Check[] {
  const { podResources, podDevices, offers, config } = facts;
  if (podResources !== "") return [];
  const check = checkNamed("other_plugins", "other plugins");
  const ids = numbersFrom(config.firstDeviceNumber, config.maxDevices).map(deviceId);
  const offered = overlapping(offers, ids)
    .filter(({ resourceName }) => resourceName !== config.resourceName)
    .map(({ resourceName, deviceIds }) => `${resourceName} offers ${deviceIds.join(", ")}`);
  const owned = podDevices.flatMap((device) => {
    const id = videoIdOf(device);
    if (device.resourceName === config.resourceName || id === undefined || !ids.includes(id))
      return [];
    return [`the pod ${device.namespace}/${device.pod} owns ${id} as ${device.resourceName}`];
  });
  if (offered.length + owned.length === 0) {
    return [check.ok(`none offers a device of ${config.resourceName}, as far as their IDs show`)];
  }
  return [
    check.warning(
      [...offered, ...owned].join("; "),
      offered.length === 0
        ? "Nothing after a change of RESOURCE_NAME: the plugin offers these devices once their pods have ended."
        : separateOffers,
    ),
  ];
}
