import { Code, ConnectError } from "@connectrpc/connect";
import { PluginError } from "../../common/plugin-error.ts";
import { BytesClient } from "../../grpc/bytes-client.ts";
import {
  askAllocatable,
  askPodDevices,
  offersByResource,
  podResourcesError,
} from "../../pod-resources/pod-resources.ts";
import type { ListedDevice } from "../../pod-resources/read-answer.ts";
import { type ResourceDevice, videoIdOf } from "../../pod-resources/video-id.ts";
import { connects, noSocket } from "./connects.ts";

/** Longest wait for the kubelet's answer, ms. */
const timeoutMs = 2000;
const silent = `it has not answered within ${timeoutMs / 1000} s`;

const isVideo = (device: ResourceDevice) => videoIdOf(device) !== undefined;

/**
 * Every video device of every pod of this node, as far as it is recognised.
 * @throws PluginError as {@link askKubelet}.
 */
export function listPodDevices(podResourcesSocket: string): Promise<readonly ListedDevice[]> {
  return askKubelet(podResourcesSocket, (client) => askPodDevices(client, isVideo, { timeoutMs }));
}

/**
 * The video devices that the kubelet can allocate, by resource name.
 * @throws PluginError as {@link askKubelet}.
 */
export function listOffers(podResourcesSocket: string): Promise<Map<string, string[]>> {
  return askKubelet(podResourcesSocket, async (client) =>
    offersByResource(await askAllocatable(client, isVideo, { timeoutMs })),
  );
}

/**
 * Asks the pod-resources API.
 * @throws PluginError `pod_resources_absent` where there is no such socket, so no kubelet; `pod_resources_busy`,
 * `pod_resources_too_large`, `pod_resources_failed`. The message is the reason in a few words.
 */
async function askKubelet<T>(
  podResourcesSocket: string,
  question: (client: BytesClient) => Promise<T>,
): Promise<T> {
  // Without this, a channel would try for seconds to reach an absent socket.
  const unreachable = await connects(podResourcesSocket);
  if (unreachable !== "") {
    const code = unreachable === noSocket ? "pod_resources_absent" : "pod_resources_failed";
    throw new PluginError(code, unreachable);
  }
  const client = new BytesClient(podResourcesSocket);
  try {
    return await question(client);
  } catch (reason) {
    if (ConnectError.from(reason).code !== Code.DeadlineExceeded) throw podResourcesError(reason);
    throw new PluginError("pod_resources_failed", silent, { cause: reason });
  } finally {
    client.close();
  }
}

/** The devices of pods, if the kubelet answers. */
export interface PodsAnswer {
  readonly devices: readonly ListedDevice[];
  /** Why the kubelet doesn't answer; empty if it does, or there is no kubelet. */
  readonly unknown: string;
}

/** Asks the kubelet which pods own which devices. Without a kubelet no pod owns any. */
export async function findPods(podResourcesSocket: string): Promise<PodsAnswer> {
  try {
    return { devices: await listPodDevices(podResourcesSocket), unknown: "" };
  } catch (reason) {
    const { code, message } = PluginError.from(reason);
    const unknown = code === "pod_resources_absent" ? "" : `${podResourcesSocket}: ${message}`;
    return { devices: [], unknown };
  }
}

/** The pod that owns a device, under whatever resource name, as far as the device is recognised there. */
export function podOf(id: string, { devices }: PodsAnswer): ListedDevice | undefined {
  return devices.find((device) => videoIdOf(device) === id);
}
