import { createClient } from "@connectrpc/connect";
import { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../grpc/transport.ts";

/** Longest wait for an answer, ms. */
const timeoutMs = 5000;

/**
 * The IDs of a resource that the kubelet could give to pods: the healthy ones, allocated or not.
 *
 * A connection a call: the socket is another file after each restart of the kubelet, and one call every
 * few seconds is far below the kubelet's limit of 100 a second.
 *
 * @throws ConnectError, `Unavailable` if there is no kubelet behind the socket.
 */
export async function allocatableDevices(
  podResourcesSocket: string,
  resourceName: string,
  signal: AbortSignal,
): Promise<string[]> {
  const transport = createSocketTransport(podResourcesSocket);
  try {
    const client = createClient(PodResourcesLister, transport);
    const { devices } = await client.getAllocatableResources({}, { timeoutMs, signal });
    return devices
      .filter((device) => device.resourceName === resourceName)
      .flatMap((device) => device.deviceIds);
  } finally {
    transport.close();
  }
}
