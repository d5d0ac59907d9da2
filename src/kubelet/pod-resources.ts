import { type Client, createClient } from "@connectrpc/connect";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../grpc/transport.ts";

/** Longest wait for an answer, ms. */
const timeoutMs = 5000;

/**
 * The IDs of a resource that the kubelet could give to pods: the healthy ones, allocated or not.
 *
 * @throws ConnectError, `Unavailable` if there is no kubelet behind the socket.
 */
export function allocatableDevices(
  podResourcesSocket: string,
  resourceName: string,
  signal: AbortSignal,
): Promise<string[]> {
  return askPodResources(podResourcesSocket, async (client) => {
    const { devices } = await client.getAllocatableResources({}, { timeoutMs, signal });
    return idsOf(resourceName, devices);
  });
}

/**
 * The IDs of a resource that pods have. What only an init container asked for is not among them: the
 * kubelet lists init containers only if they keep running.
 *
 * @throws ConnectError, `Unavailable` if there is no kubelet behind the socket, `ResourceExhausted` if
 * it is asked too much by everybody together.
 */
export function devicesOfPods(
  podResourcesSocket: string,
  resourceName: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  return askPodResources(podResourcesSocket, async (client) => {
    const { podResources } = await client.list({}, { timeoutMs, signal });
    const containers = podResources.flatMap((pod) => pod.containers);
    return new Set(containers.flatMap(({ devices }) => idsOf(resourceName, devices)));
  });
}

function idsOf(
  resourceName: string,
  devices: readonly { resourceName: string; deviceIds: string[] }[],
): string[] {
  return devices
    .filter((device) => device.resourceName === resourceName)
    .flatMap((device) => device.deviceIds);
}

/**
 * Asks the kubelet's pod-resources API one thing. A connection a call: the socket is another file after each restart of the kubelet, and one call every
 * few seconds is far below the kubelet's limit of 100 a second.
 */
export async function askPodResources<T>(
  podResourcesSocket: string,
  question: (client: Client<typeof PodResourcesLister>) => Promise<T>,
): Promise<T> {
  const transport = createSocketTransport(podResourcesSocket);
  try {
    return await question(createClient(PodResourcesLister, transport));
  } finally {
    transport.close();
  }
}
