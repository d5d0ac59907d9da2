import type { DeviceManager } from "./device-manager.ts";
import type { EventLog } from "./events.ts";
import { goError, shuffled } from "./go.ts";
import type { Container, Pod } from "./pod.ts";
import { idsOf } from "./pod-devices.ts";

/** What an allocation needs from its kubelet. */
export interface AllocationContext {
  readonly manager: DeviceManager;
  readonly events: EventLog;
  readonly random: () => number;
  /** True if the runtime reported this container running when the kubelet started. */
  wasRunning(podUid: string, container: string): boolean;
  /** Called where a kubelet with `diesOfVanishedDevice` would panic. */
  deviceVanished(deviceId: string): void;
}

/** The NUMA node of a device that names none: manager.go, nodeWithoutTopology. */
const nodeWithoutTopology = "-1";

/**
 * Allocates a container's devices of every resource that it requests, and calls Allocate: manager.go,
 * allocateContainerResources. Rejects with the kubelet's message.
 */
export async function allocateContainerResources(
  context: AllocationContext,
  pod: Pod,
  container: Container,
  reusable: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<void> {
  const { manager } = context;
  let changed = false;
  for (const [resource, required] of container.limits) {
    if (!manager.isDevicePluginResource(resource)) continue;
    manager.updateAllocatedDevices();
    const chosen = await devicesToAllocate(
      context,
      pod,
      container,
      resource,
      required,
      reusable.get(resource) ?? new Set(),
    );
    if (chosen.size === 0) continue;
    changed = true;
    await callAllocate(context, pod, container, resource, chosen);
  }
  if (changed) manager.writeCheckpoint();
}

async function callAllocate(
  { manager, events, random, deviceVanished }: AllocationContext,
  pod: Pod,
  container: Container,
  resource: string,
  chosen: ReadonlySet<string>,
): Promise<void> {
  const endpoint = manager.endpoints.get(resource);
  if (endpoint === undefined) {
    manager.restoreAllocated();
    throw new Error(`unknown Device Plugin ${resource}`);
  }
  const startMs = performance.now();
  const deviceIds = shuffled(chosen, random);
  const answer = await endpoint.allocate(deviceIds).catch((error: unknown) => {
    manager.restoreAllocated();
    throw new Error(goError(error));
  });
  const response = answer.containerResponses[0];
  if (response === undefined) {
    throw new Error("no containers return in allocation response &AllocateResponse{}");
  }
  const byNumaNode: Record<string, string[]> = {};
  for (const id of deviceIds) {
    const device = manager.all.get(resource)?.get(id);
    if (device === undefined) deviceVanished(id);
    const nodes = device?.topology?.nodes ?? [];
    for (const node of nodes.length === 0
      ? [nodeWithoutTopology]
      : nodes.map(({ ID }) => String(ID))) {
      byNumaNode[node] = [...(byNumaNode[node] ?? []), id];
    }
  }
  manager.podDevices.insert({
    podUid: pod.uid,
    container: container.name,
    resource,
    byNumaNode,
    response,
  });
  const tookMs = performance.now() - startMs;
  events.emit({
    type: "allocated",
    pod: pod.name,
    container: container.name,
    resource,
    deviceIds,
    tookMs,
  });
}

/**
 * The IDs to call Allocate for: manager.go, devicesToAllocate. Empty if the container has all its devices.
 * Without a NUMA affinity (topology manager policy `none`, the default) every device is a candidate.
 */
async function devicesToAllocate(
  context: AllocationContext,
  pod: Pod,
  container: Container,
  resource: string,
  required: number,
  reusable: ReadonlySet<string>,
): Promise<Set<string>> {
  const { manager, random } = context;
  const current = manager.podDevices.get(pod.uid, container.name, resource);
  const currentIds = current === undefined ? new Set<string>() : idsOf(current);
  if (current !== undefined && currentIds.size !== required) {
    throw new Error(
      `pod "${pod.uid}" container "${container.name}" changed request for resource "${resource}" ` +
        `from ${currentIds.size} to ${required}`,
    );
  }
  if (!manager.sourcesReady && context.wasRunning(pod.uid, container.name)) return new Set();

  const healthy = manager.healthy.get(resource);
  if (healthy === undefined) throw new Error(`cannot allocate unregistered device ${resource}`);
  if (healthy.size === 0) {
    throw new Error(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
  }
  if (!healthy.isSupersetOf(currentIds)) {
    throw new Error(
      `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resource}`,
    );
  }

  const chosen = new Set<string>();
  const needed = () => required - currentIds.size - chosen.size;
  const chooseFrom = (candidates: Iterable<string>) => {
    const allocated = manager.allocated.get(resource) ?? new Set<string>();
    manager.allocated.set(resource, allocated);
    for (const id of candidates) {
      if (needed() === 0) return;
      allocated.add(id);
      chosen.add(id);
    }
  };
  if (needed() === 0) return chosen;
  chooseFrom(shuffled(reusable, random));
  if (needed() === 0) return chosen;

  const available = healthy.difference(manager.allocated.get(resource) ?? new Set());
  if (available.size < needed()) {
    throw new Error(
      `requested number of devices unavailable for ${resource}. ` +
        `Requested: ${needed()}, Available: ${available.size}`,
    );
  }
  const preferred = await preferredAllocation(
    context,
    pod,
    container,
    resource,
    available.union(chosen),
    chosen,
    required,
  );
  chooseFrom(shuffled(preferred.intersection(available), random));
  chooseFrom(shuffled(available.difference(chosen), random));
  return chosen;
}

async function preferredAllocation(
  { manager, events, random }: AllocationContext,
  pod: Pod,
  container: Container,
  resource: string,
  available: ReadonlySet<string>,
  mustInclude: ReadonlySet<string>,
  size: number,
): Promise<Set<string>> {
  const endpoint = manager.endpoints.get(resource);
  if (endpoint === undefined) {
    throw new Error(`endpoint not found in cache for a registered resource: ${resource}`);
  }
  if (endpoint.options?.getPreferredAllocationAvailable !== true) return new Set();
  try {
    const answer = await endpoint.getPreferredAllocation(
      shuffled(available, random),
      shuffled(mustInclude, random),
      size,
    );
    const deviceIds = answer.containerResponses[0]?.deviceIDs ?? [];
    events.emit({
      type: "preferred",
      pod: pod.name,
      container: container.name,
      resource,
      deviceIds,
    });
    return new Set(deviceIds);
  } catch (error) {
    throw new Error(`device plugin GetPreferredAllocation rpc failed with err: ${goError(error)}`);
  }
}
