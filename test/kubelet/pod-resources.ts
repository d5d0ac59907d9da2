import { askPodResources } from "../../src/kubelet/pod-resources.ts";
import { podResourcesSocket } from "./paths.ts";

/** List: the kubelet's names of the pods that hold devices of a resource, with the IDs, sorted. */
export function podsWithDevices(resource: string): Promise<[string, string[]][]> {
  return askPodResources(podResourcesSocket, async (client) => {
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
  return askPodResources(podResourcesSocket, async (client) => {
    const { devices } = await client.getAllocatableResources({}, { timeoutMs: 10_000 });
    return idsOf(devices, resource);
  });
}

function idsOf(devices: { resourceName: string; deviceIds: string[] }[], resource: string) {
  const ours = devices.filter(({ resourceName }) => resourceName === resource);
  return ours.flatMap(({ deviceIds }) => deviceIds).sort();
}
