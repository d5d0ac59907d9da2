import type { ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "../common/clock.ts";
import type { DevicePlugin } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";

/** Milliseconds between two checks for a quiet moment. */
const checkMs = 5;

/**
 * Knows when the kubelet last called about a pod. Pods come in bursts, and the kubelet refuses those that it admits while
 * no plugin is registered: a registration that may choose ends in a quiet moment.
 */
export class CallActivity {
  readonly #clock: Clock;
  #open = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The service, with its calls about pods counted. */
  counted(service: ServiceImpl<typeof DevicePlugin>): ServiceImpl<typeof DevicePlugin> {
    return {
      ...service,
      getPreferredAllocation: (request, context) =>
        this.#during(() => service.getPreferredAllocation(request, context)),
      allocate: (request, context) => this.#during(() => service.allocate(request, context)),
      preStartContainer: (request, context) =>
        this.#during(() => service.preStartContainer(request, context)),
    };
  }

  /** Resolves when no call has been under way for `quietMs`, or after `patienceMs`. */
  async untilQuiet(quietMs: number, patienceMs: number): Promise<void> {
    const giveUpAt = this.#clock.now() + patienceMs;
    while (this.#quietMs() < quietMs && this.#clock.now() < giveUpAt) {
      await this.#clock.sleep(checkMs);
    }
  }

  #quietMs(): number {
    return this.#open > 0 ? 0 : this.#clock.now() - this.#endedAt;
  }

  async #during<T>(call: () => T | Promise<T>): Promise<T> {
    this.#open += 1;
    try {
      return await call();
    } finally {
      this.#open -= 1;
      this.#endedAt = this.#clock.now();
    }
  }
}
