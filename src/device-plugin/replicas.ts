import { deviceOfReplica, replicaIds } from "../common/replica-id.ts";
import type { PreferenceRequest } from "../devices/usage/preferred-devices.ts";

/** Devices of which the kubelet knows several replicas, and the plugin one. Where `share` is 1, the two have the same IDs. */
export class Replicas {
  readonly #share: number;

  /** @param share How many containers may have a device at once. */
  constructor(share: number) {
    this.#share = share;
  }

  /** The kubelet's IDs of a device. */
  of(deviceId: string): string[] {
    return replicaIds(deviceId, this.#share);
  }

  /** The devices of the kubelet's IDs, each once. An ID that the plugin does not list stays as it is. */
  devices(ids: readonly string[]): string[] {
    return [...new Set(ids.map(this.device))];
  }

  /** The device of one of the kubelet's IDs. */
  readonly device = (id: string): string => {
    const device = deviceOfReplica(id);
    return this.of(device).includes(id) ? device : id;
  };

  /**
   * The kubelet's IDs that it should allocate. A container gets different devices, and pods are spread over all: the device
   * with the most free replicas comes first.
   *
   * @param rank Puts devices into the order in which equals are taken.
   */
  preferred(
    { available, mustInclude, size }: PreferenceRequest,
    rank: (question: PreferenceRequest) => readonly string[],
  ): string[] {
    if (this.#share === 1) return [...rank({ available, mustInclude, size })];
    const chosen = new Set(mustInclude);
    const free = Map.groupBy(new Set(available).difference(chosen), this.device);
    const own = Map.groupBy(mustInclude, this.device);
    const devices = [...free.keys()];
    const ranked = rank({ available: devices, mustInclude: [], size: devices.length });
    const candidates = ranked.map((device) => ({
      ids: (free.get(device) ?? []).toSorted(byNumber),
      chosen: own.get(device)?.length ?? 0,
    }));
    while (chosen.size < size) {
      const [next] = candidates
        .filter(({ ids }) => ids.length > 0)
        .toSorted((a, b) => a.chosen - b.chosen || b.ids.length - a.ids.length);
      const id = next?.ids.shift();
      if (next === undefined || id === undefined) break;
      next.chosen += 1;
      chosen.add(id);
    }
    return [...chosen];
  }
}

/** Of two replicas of one device. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
