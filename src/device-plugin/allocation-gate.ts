import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { AllocationObserver } from "./device-plugin-service.ts";

export interface AllocationGateDeps {
  /**
   * How long a call may wait, ms. The last instance needs some 150 to end, a second at most. The kubelet admits no other pod
   * meanwhile, and one that waits is better off than one that is refused.
   */
  readonly holdMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Pick<AllocationObserver, "allocationRefused">;
}

/**
 * Holds the kubelet's calls about pods while this instance is registered and the last one may still allocate devices: which
 * ones are clean and free is known when that has ended.
 */
export class AllocationGate {
  readonly #deps: AllocationGateDeps;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(deps: AllocationGateDeps) {
    this.#deps = deps;
  }

  /** Holds the calls that come from now on. */
  close(): void {
    this.#closed ??= Promise.withResolvers();
  }

  /** Lets all calls pass, those that are held first. */
  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
  }

  /** The service, with its calls about pods held while the gate is closed. */
  gated(service: ServiceImpl<typeof DevicePlugin>): ServiceImpl<typeof DevicePlugin> {
    return {
      ...service,
      getPreferredAllocation: (request, context) =>
        this.#held("GetPreferredAllocation", () =>
          service.getPreferredAllocation(request, context),
        ),
      allocate: (request, context) =>
        this.#held("Allocate", () => service.allocate(request, context)),
      preStartContainer: (request, context) =>
        this.#held("PreStartContainer", () => service.preStartContainer(request, context)),
    };
  }

  #held<T>(method: string, call: () => T | Promise<T>): T | Promise<T> {
    return this.#closed === undefined ? call() : this.#opened(method).then(call);
  }

  /** @throws ConnectError `unavailable` if the gate stays closed. */
  async #opened(method: string): Promise<void> {
    const { holdMs, clock, log, observer } = this.#deps;
    const waited = new AbortController();
    await Promise.race([this.#closed?.promise, clock.sleep(holdMs, waited.signal)]);
    waited.abort();
    if (this.#closed === undefined) return;
    const error = new ConnectError(
      "The last instance of the plugin still serves",
      Code.Unavailable,
    );
    log.warn("Allocation refused", {
      method,
      reason: "standby",
      error: error.rawMessage,
      next: "the pod is not admitted, or its container not started",
    });
    observer.allocationRefused("unavailable");
    throw error;
  }
}
