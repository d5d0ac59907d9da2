import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { PodResourcesLister } from "../gen/kubelet/podresources/v1/api_pb.ts";
import type { KubeletBehaviour, KubeletFaults } from "./behaviour.ts";
import type { DeviceManager } from "./device-manager.ts";
import { isActive, type PodRecord } from "./pod-record.ts";

export interface PodResourcesContext {
  readonly manager: DeviceManager;
  readonly behaviour: KubeletBehaviour;
  readonly faults: KubeletFaults;
  readonly clock: Clock;
  pods(): readonly PodRecord[];
}

/** Calls that the socket answers a second, and at once: apis/podresources/constants.go. */
const queriesPerSecond = 100;
const burst = 10;

/** The pod-resources API: apis/podresources/server_v1.go. */
export function podResourcesService(
  context: PodResourcesContext,
): ServiceImpl<typeof PodResourcesLister> {
  const { manager, behaviour, faults, clock } = context;
  const limit = rateLimit(clock);
  return {
    list: async () => {
      limit();
      if (faults.listDelayMs > 0) await clock.sleep(faults.listDelayMs);
      const pods = context
        .pods()
        .filter((record) => !behaviour.podResourcesActiveOnly || isActive(record));
      manager.updateAllocatedDevices();
      return { podResources: pods.map((record) => podResources(manager, record)) };
    },
    getAllocatableResources: () => {
      limit();
      manager.expireStopped();
      const devices = [...manager.healthy].flatMap(([resource, ids]) =>
        [...ids].flatMap((id) => {
          const nodes = manager.all.get(resource)?.get(id)?.topology?.nodes ?? [];
          return containerDevices(
            resource,
            id,
            nodes.map(({ ID }) => ID),
          );
        }),
      );
      return { devices };
    },
    get: ({ podName, podNamespace }) => {
      limit();
      if (!behaviour.podResourcesGet) {
        throw new ConnectError("PodResources API Get method disabled", Code.Unknown);
      }
      const record = context
        .pods()
        .find(({ pod }) => pod.name === podName && pod.namespace === podNamespace);
      if (record === undefined) {
        const message = `pod ${podName} in namespace ${podNamespace} not found`;
        throw new ConnectError(message, Code.Unknown);
      }
      return { podResources: podResources(manager, record) };
    },
  };
}

/** Init containers are left out unless they keep running. */
function podResources(manager: DeviceManager, { pod }: PodRecord) {
  const listed = [
    ...pod.initContainers.filter(({ restartable }) => restartable),
    ...pod.containers,
  ];
  return {
    name: pod.name,
    namespace: pod.namespace,
    containers: listed.map(({ name }) => ({
      name,
      devices: manager.podDevices
        .ofContainer(pod.uid, name)
        .flatMap(({ resource, byNumaNode }) =>
          Object.entries(byNumaNode).flatMap(([node, ids]) =>
            ids.flatMap((id) =>
              containerDevices(resource, id, node === "-1" ? [] : [BigInt(node)]),
            ),
          ),
        ),
    })),
  };
}

/** An entry for each device and NUMA node: container_manager.go, containerDevicesFromResourceDeviceInstances. */
function containerDevices(resourceName: string, id: string, numaNodes: readonly bigint[]) {
  if (numaNodes.length === 0) return [{ resourceName, deviceIds: [id] }];
  return numaNodes.map((ID) => ({ resourceName, deviceIds: [id], topology: { nodes: [{ ID }] } }));
}

/** A token bucket; throws as apis/grpc/ratelimit.go does. */
function rateLimit(clock: Clock): () => void {
  let tokens = burst;
  let filledMs = clock.now();
  return () => {
    const now = clock.now();
    tokens = Math.min(burst, tokens + ((now - filledMs) / 1000) * queriesPerSecond);
    filledMs = now;
    if (tokens < 1) throw new ConnectError("rejected by rate limit", Code.ResourceExhausted);
    tokens -= 1;
  };
}
