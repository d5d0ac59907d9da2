import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ContainerAllocateResponse,
  ContainerAllocateResponseSchema,
} from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { PodDevicesEntry } from "./checkpoint.ts";

/** One container's devices of one resource: pod_devices.go, deviceAllocateInfo. */
export interface Allocation {
  readonly podUid: string;
  readonly container: string;
  readonly resource: string;
  /** Device IDs by NUMA node; "-1" for those without (manager.go, nodeWithoutTopology). */
  readonly byNumaNode: Readonly<Record<string, string[]>>;
  readonly response: ContainerAllocateResponse;
}

/** All device IDs of an allocation. */
export function idsOf(allocation: Allocation): Set<string> {
  return new Set(Object.values(allocation.byNumaNode).flat());
}

/** The allocations of all containers: pod_devices.go. */
export class PodDevices {
  readonly #allocations = new Map<string, Allocation>();

  insert(allocation: Allocation): void {
    const { podUid, container, resource } = allocation;
    this.#allocations.set(key(podUid, container, resource), allocation);
  }

  get(podUid: string, container: string, resource: string): Allocation | undefined {
    return this.#allocations.get(key(podUid, container, resource));
  }

  /** A container's allocations, one for each resource. */
  ofContainer(podUid: string, container: string): Allocation[] {
    return [...this.#allocations.values()].filter(
      (one) => one.podUid === podUid && one.container === container,
    );
  }

  podUids(): Set<string> {
    return new Set([...this.#allocations.values()].map((one) => one.podUid));
  }

  deletePods(uids: ReadonlySet<string>): void {
    for (const [id, one] of this.#allocations)
      if (uids.has(one.podUid)) this.#allocations.delete(id);
  }

  /** Allocated device IDs by resource. */
  byResource(): Map<string, Set<string>> {
    const result = new Map<string, Set<string>>();
    for (const one of this.#allocations.values()) {
      result.set(one.resource, (result.get(one.resource) ?? new Set()).union(idsOf(one)));
    }
    return result;
  }

  toCheckpoint(): PodDevicesEntry[] | null {
    const entries = [...this.#allocations.values()].map((one) => ({
      PodUID: one.podUid,
      ContainerName: one.container,
      ResourceName: one.resource,
      DeviceIDs: { ...one.byNumaNode },
      AllocResp: Buffer.from(toBinary(ContainerAllocateResponseSchema, one.response)).toString(
        "base64",
      ),
    }));
    return entries.length === 0 ? null : entries;
  }

  fromCheckpoint(entries: readonly PodDevicesEntry[]): void {
    for (const entry of entries) {
      this.insert({
        podUid: entry.PodUID,
        container: entry.ContainerName,
        resource: entry.ResourceName,
        byNumaNode: entry.DeviceIDs,
        response: fromBinary(
          ContainerAllocateResponseSchema,
          Buffer.from(entry.AllocResp, "base64"),
        ),
      });
    }
  }
}

function key(podUid: string, container: string, resource: string): string {
  return JSON.stringify([podUid, container, resource]);
}
