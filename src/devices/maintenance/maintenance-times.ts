import type { BackoffOptions } from "../../common/backoff.ts";
import { defaultUsageTimes, type UsageTimes } from "../usage/usage-tracker.ts";

/** Times of maintenance and usage; tests that can't wait have their own. */
export interface MaintenanceTimes extends UsageTimes {
  /** How soon after an allocation the same pod's next container asks again, at most, ms. */
  readonly reallocateMs: number;
  /** How long Allocate may take for all its devices, ms: the kubelet's sync loop waits for it. */
  readonly allocateMs: number;
  /** How long PreStartContainer may take for all its devices, ms; the kubelet waits 30 s. */
  readonly prepareMs: number;
  /** How long Allocate waits for a process to close a device, ms. */
  readonly closeMs: number;
  /** Between two looks at a device that a process of no pod holds open, ms. */
  readonly lookMs: number;
  /** Waits after a failed reset or repair. */
  readonly backoff: BackoffOptions;
  /** Failed resets, or refusals by Allocate, in a row after which a device is no longer offered. */
  readonly tolerated: number;
}

export const defaultMaintenanceTimes: MaintenanceTimes = {
  ...defaultUsageTimes,
  // Between an init container's request and its app container's the kubelet asks for their other resources and writes
  // its checkpoint. It has to be shorter than a pod's life: within it no pod can have left anything.
  reallocateMs: 500,
  // A reset takes 30 ms, or up to 2 s while udev probes the new node; every other pod of the node waits meanwhile.
  allocateMs: 2000,
  // A third of the time that the kubelet waits, so that it gets the reason.
  prepareMs: 10_000,
  // As a reset waits (openPatience of the loopback driver): udev opens every new node for some ms, PipeWire for longer.
  closeMs: 1000,
  // A look costs some 0.1 ms.
  lookMs: 1000,
  // What failed for a moment is retried soon, as a pod may wait; what is broken costs a try in five minutes.
  backoff: { initialMs: 1000, maxMs: 300_000 },
  // Two may be chance. After the third, each further Allocate would most likely be one more failed pod.
  tolerated: 3,
};
