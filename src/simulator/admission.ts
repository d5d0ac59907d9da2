import { messageOf } from "../common/plugin-error.ts";
import { type AllocationContext, allocateContainerResources } from "./allocation.ts";
import type { KubeletBehaviour } from "./behaviour.ts";
import { mergeSettings } from "./container-settings.ts";
import { goError } from "./plugin-channel.ts";
import type { Container, ContainerSettings, Pod } from "./pod.ts";
import { idsOf } from "./pod-devices.ts";
import { shuffled } from "./shuffled.ts";

/** Why a pod was not admitted: the Failed pod's reason, and its message but for the first words. */
export class AdmissionError extends Error {
  override name = "AdmissionError";
  /** admission/errors.go, ErrorReasonUnexpected. */
  readonly reason = "UnexpectedAdmissionError";

  constructor(cause: unknown) {
    super(`Allocate failed due to ${messageOf(cause)}, which is unexpected`, { cause });
  }
}

/**
 * Admits pods one after another, as the kubelet's sync loop does, and tells what their containers are
 * created with. manager.go, Allocate and GetDeviceRunContainerOptions.
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

  /** Gives every container of the pod its devices, init containers first; rejects with {@link AdmissionError}. */
  async admit(pod: Pod): Promise<void> {
    try {
      for (const container of [...pod.initContainers, ...pod.containers]) {
        await this.#allocate(pod, container);
      }
    } catch (error) {
      throw new AdmissionError(error);
    }
  }

  /** Runs PreStartContainer where the plugin wants it; rejects with the message of a CreateContainerConfigError. */
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
    for (const held of this.#context.manager.podDevices.ofContainer(pod.uid, container.name)) {
      const reusable = this.#reusable.get(held.resource) ?? new Set();
      this.#reusable.set(
        held.resource,
        keeps ? reusable.difference(idsOf(held)) : reusable.union(idsOf(held)),
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
    const held = manager.podDevices.get(pod.uid, container.name, resource);
    if (held === undefined) {
      throw new Error(
        `no devices found allocated in local cache for pod ${pod.uid}, container ${container.name}, ` +
          `resource ${resource}`,
      );
    }
    try {
      await endpoint.preStartContainer(shuffled(idsOf(held), random));
    } catch (error) {
      throw new Error(`device plugin PreStartContainer rpc failed with err: ${goError(error)}`);
    }
  }
}
