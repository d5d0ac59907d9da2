import { type Client, createClient } from "@connectrpc/connect";
import { PodResourcesLister } from "../../src/gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { podResourcesSocket } from "./paths.ts";

/** List: the kubelet's names of the pods that hold devices of a resource, with the IDs, sorted. */
export function podsWithDevices(resource: string): Promise<[string, string[]][]> {
  return ask(async (client) => {
    const { podResources } = await client.list({}, { timeoutMs: 10_000 });
    return podResources
      .map(({ name, containers }): [string, string[]] => {
        const devices = containers.flatMap((container) => container.devices);
        return [name, idsOf(devices, resource)];
      })
      .filter(([, ids]) => ids.length > 0);
  });
}

/** GetAllocatableResources: IDs of a resource's healthy devices, sorted. */
export function allocatableDevices(resource: string): Promise<string[]> {
  return ask(async (client) => {
    const { devices } = await client.getAllocatableResources({}, { timeoutMs: 10_000 });
    return idsOf(devices, resource);
  });
}

function idsOf(devices: { resourceName: string; deviceIds: string[] }[], resource: string) {
  const ours = devices.filter(({ resourceName }) => resourceName === resource);
  return ours.flatMap(({ deviceIds }) => deviceIds).sort();
}

/** A connection a question: the kubelets of a test come and go. */
async function ask<T>(question: (client: Client<typeof PodResourcesLister>) => Promise<T>) {
  const transport = createSocketTransport(podResourcesSocket);
  try {
    return await question(createClient(PodResourcesLister, transport));
  } finally {
    transport.close();
  }
}
