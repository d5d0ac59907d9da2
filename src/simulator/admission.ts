import { messageOf } from "../common/plugin-error.ts";
import { type AllocationContext, allocateContainerResources } from "./allocation.ts";
import type { KubeletBehaviour } from "./behaviour.ts";
import { mergeSettings } from "./container-settings.ts";
import { goError, shuffled } from "./go.ts";
import type { Container, ContainerSettings, Pod } from "./pod.ts";
import { idsOf } from "./pod-devices.ts";

/** A pod was not admitted. Carries the Failed pod's reason, and its message but for the first words. */
export class AdmissionError extends Error {
  override name = "AdmissionError";
  /** admission/errors.go, ErrorReasonUnexpected. */
  readonly reason = "UnexpectedAdmissionError";

  constructor(cause: unknown) {
    super(`Allocate failed due to ${messageOf(cause)}, which is unexpected`, { cause });
  }
}

/**
 * Admits pods one after another, as the kubelet's sync loop does, and builds the settings of their
 * containers. manager.go, Allocate and GetDeviceRunContainerOptions.
 */
export class Admission {
  readonly #context: AllocationContext;
  readonly #behaviour: KubeletBehaviour;
  /** Devices of the current pod's init containers, by resource, for its later containers. */
  #reusable = new Map<string, Set<string>>();
  #reusableOf = "";

  constructor(context: AllocationContext, behaviour: KubeletBehaviour) {
    this.#context = context;
    this.#behaviour = behaviour;
  }

  /** Allocates the devices of all the pod's containers, init first; rejects with {@link AdmissionError}. */
  async admit(pod: Pod): Promise<void> {
    try {
      for (const container of [...pod.initContainers, ...pod.containers]) {
        await this.#allocate(pod, container);
      }
    } catch (error) {
      throw new AdmissionError(error);
    }
  }

  /** Calls PreStartContainer if the plugin wants it; rejects with the message of a CreateContainerConfigError. */
  async settingsFor(pod: Pod, container: Container): Promise<ContainerSettings> {
    const { manager } = this.#context;
    let missing = false;
    for (const [resource, count] of container.limits) {
      if (count === 0 || !manager.isDevicePluginResource(resource)) continue;
      await this.#preStart(pod, container, resource);
      missing ||= manager.podDevices.get(pod.uid, container.name, resource) === undefined;
    }
    // Happens when a plugin appears between a pod's admission and the start of its container.
    if (missing) await this.#allocate(pod, container);
    return mergeSettings(
      manager.podDevices.ofContainer(pod.uid, container.name).map(({ response }) => response),
      container.env,
      this.#behaviour.cdiDevices,
    );
  }

  async #allocate(pod: Pod, container: Container): Promise<void> {
    if (this.#reusableOf !== pod.uid) {
      this.#reusableOf = pod.uid;
      this.#reusable = new Map();
    }
    await allocateContainerResources(this.#context, pod, container, this.#reusable);
    const keeps = !container.init || container.restartable;
    for (const allocation of this.#context.manager.podDevices.ofContainer(
      pod.uid,
      container.name,
    )) {
      const reusable = this.#reusable.get(allocation.resource) ?? new Set();
      this.#reusable.set(
        allocation.resource,
        keeps ? reusable.difference(idsOf(allocation)) : reusable.union(idsOf(allocation)),
      );
    }
  }

  async #preStart(pod: Pod, container: Container, resource: string): Promise<void> {
    const { manager, random } = this.#context;
    const endpoint = manager.endpoints.get(resource);
    if (endpoint === undefined) {
      throw new Error(`endpoint not found in cache for a registered resource: ${resource}`);
    }
    if (endpoint.options?.preStartRequired !== true) return;
    const allocation = manager.podDevices.get(pod.uid, container.name, resource);
    if (allocation === undefined) {
      throw new Error(
        `no devices found allocated in local cache for pod ${pod.uid}, container ${container.name}, ` +
          `resource ${resource}`,
      );
    }
    try {
      await endpoint.preStartContainer(shuffled(idsOf(allocation), random));
    } catch (error) {
      throw new Error(`device plugin PreStartContainer rpc failed with err: ${goError(error)}`);
    }
  }
}
