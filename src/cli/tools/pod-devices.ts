import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { PluginError } from "../../common/plugin-error.ts";
import { PodResourcesLister } from "../../gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../../grpc/transport.ts";
import {
  type ListedDevice,
  listedDevices,
  podResourcesError,
} from "../../pod-resources/pod-resources.ts";
import { connects, NO_SOCKET } from "./connects.ts";

/** How long the kubelet may take to answer, ms. */
const TIMEOUT_MS = 2000;
const SILENT = `it has not answered within ${TIMEOUT_MS / 1000} s`;

/**
 * Every device of every pod of this node.
 * @throws PluginError `pod_resources_absent` where there is no such socket, so no kubelet; `pod_resources_busy`, `pod_resources_failed`. The
 * message is why, in a few words.
 */
export async function listPodDevices(podResourcesSocket: string): Promise<ListedDevice[]> {
  // a channel to a socket that isn't there tries for seconds
  const unreachable = await connects(podResourcesSocket);
  if (unreachable !== "") {
    const code = unreachable === NO_SOCKET ? "pod_resources_absent" : "pod_resources_failed";
    throw new PluginError(code, unreachable);
  }
  const transport = createSocketTransport(podResourcesSocket);
  try {
    const client = createClient(PodResourcesLister, transport);
    return listedDevices(await client.list({}, { timeoutMs: TIMEOUT_MS }));
  } catch (reason) {
    if (ConnectError.from(reason).code !== Code.DeadlineExceeded) throw podResourcesError(reason);
    throw new PluginError("pod_resources_failed", SILENT, { cause: reason });
  } finally {
    transport.close();
  }
}

/** What the kubelet says of pods, as far as it can be asked. */
export interface PodsView {
  readonly devices: readonly ListedDevice[];
  /** Why there is a kubelet that doesn't tell; empty if it does, or there is none. */
  readonly unknown: string;
}

/** Asks the kubelet which pods have which devices. Without a kubelet no pod has any. */
export async function lookAtPods(podResourcesSocket: string): Promise<PodsView> {
  try {
    return { devices: await listPodDevices(podResourcesSocket), unknown: "" };
  } catch (reason) {
    const { code, message } = PluginError.from(reason);
    const unknown = code === "pod_resources_absent" ? "" : `${podResourcesSocket}: ${message}`;
    return { devices: [], unknown };
  }
}

/** The pod that has a device, by whatever name of a resource it was asked for. */
export function podOf(id: string, { devices }: PodsView): ListedDevice | undefined {
  return devices.find(({ deviceId }) => deviceId === id);
}
