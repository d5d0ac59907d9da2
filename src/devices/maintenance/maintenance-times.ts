import type { BackoffOptions } from "../../common/backoff.ts";

/** Times of the maintenance; tests that can't wait have their own. */
export interface MaintenanceTimes {
  /** Between two questions to the kubelet, ms: the option `pod-resources-interval`. */
  readonly pollMs: number;
  /** From an allocation to the next question: the kubelet records one only after the answer. ms */
  readonly settleMs: number;
  /** How long an allocation counts before it is listed, and how long a device must be left out, ms. */
  readonly graceMs: number;
  /** After a kubelet has begun anew: how long what it leaves out doesn't count, ms. It reads its pods meanwhile. */
  readonly restartGraceMs: number;
  /** How soon after an allocation the same pod's next container asks again, at most, ms. */
  readonly reallocateMs: number;
  /** How long the kubelet's answer is awaited inside Allocate, ms. */
  readonly askMs: number;
  /** How long it is awaited at the end of the process, twice at most, ms: a third of the time for removals stays. */
  readonly lastAskMs: number;
  /** How long Allocate may take for all its devices, ms: the kubelet's sync loop waits for it. */
  readonly allocateMs: number;
  /** How long PreStartContainer may take for all its devices, ms; the kubelet's patience is 30 s. */
  readonly prepareMs: number;
  /** Waits after a failed reset or repair. */
  readonly backoff: BackoffOptions;
  /** Failed resets in a row after which a device is no longer offered. */
  readonly tolerated: number;
}

export const defaultMaintenanceTimes: MaintenanceTimes = {
  pollMs: 10_000,
  // The kubelet enters an allocation when the plugins of all of the container's resources have answered, so
  // milliseconds after ours; whoever looks at the status soon sees the owner.
  settleMs: 1000,
  // Two answers at the default interval: one alone may be from before the pod was entered. Of the projects that
  // take devices back by these answers, Akri waits as long.
  graceMs: 20_000,
  // A kubelet whose API server can't be reached at first asks it again after 30 s to 60 s at the latest
  // (client-go tools/cache/reflector.go, backoffManager), and until then knows only its static pods.
  restartGraceMs: 60_000,
  // Between an init container's request and its app container's the kubelet asks for their other resources and writes
  // its checkpoint. It has to be shorter than a pod's life: within it nobody can have left anything.
  reallocateMs: 500,
  // The kubelet answers within milliseconds; with the cap below, most of the time stays for the reset.
  askMs: 300,
  lastAskMs: 1000,
  // A reset takes 30 ms, or up to 2 s while udev probes the new node; every other pod of the node waits meanwhile.
  allocateMs: 2000,
  // A third of the kubelet's patience, so that it hears why.
  prepareMs: 10_000,
  // What failed for a moment is tried again at once, as a pod may wait; what is broken costs a try in five minutes.
  backoff: { initialMs: 1000, maxMs: 300_000 },
  // Two may be chance. After the third, each further Allocate would most likely be one more failed pod.
  tolerated: 3,
};
