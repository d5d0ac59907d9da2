/** What is known about who uses a device; none of it says anything of the device's health. */
export interface UsageFacts {
  /**
   * True if the kubelet's latest answer named a pod that owns it, under whatever resource name; undefined before the
   * first answer.
   */
  readonly listed: boolean | undefined;
  /** Since when every answer of the kubelet has left it out, ms since the epoch; undefined if the last did not. */
  readonly absentSince: number | undefined;
  /** When it was last allocated, ms since the epoch. */
  readonly allocatedAt: number | undefined;
  /** True if the kubelet has listed it since it was last allocated. */
  readonly listedSince: boolean;
  /** The kubelet asked for it after its last allocation, and has not got it yet: by its own account no pod owns it. */
  readonly refused: boolean;
  /** True if a process holds it open; undefined if that isn't known. */
  readonly open: boolean | undefined;
  /** Since when every look has found it open, ms since the epoch; undefined if the last one did not. */
  readonly openSince?: number | undefined;
}

/**
 * - `in_use`: a pod owns it, it was allocated just now, or a process holds it open.
 * - `free`: there is proof that no pod owns it.
 * - `unknown`: there is no proof either way; no decision rests on a guess.
 */
export type DeviceUse = "in_use" | "free" | "unknown";

/**
 * Decides if a device is in use. `graceMs` is how long an allocation counts before the kubelet lists it (it records one
 * only after our answer), and how long the kubelet must leave a device out before that counts: a kubelet that has
 * just started answers before it knows its pods.
 */
export function deviceUse(facts: UsageFacts, now: number, graceMs: number): DeviceUse {
  if (facts.open === true || facts.listed === true) return "in_use";
  // The kubelet asks only for devices that no pod owns: after a refusal no pod owns it until the kubelet asks again.
  if (facts.refused) return "free";
  if (facts.allocatedAt !== undefined && now - facts.allocatedAt < graceMs) return "in_use";
  if (isUnlisted(facts)) return "unknown";
  const isAbsent = facts.absentSince !== undefined && now - facts.absentSince >= graceMs;
  return isAbsent ? "free" : "unknown";
}

/**
 * True if the device was allocated, and the kubelet has not listed it since. The kubelet never lists what only a plain
 * init container has, so its absence proves nothing.
 */
export function isUnlisted({ allocatedAt, listedSince }: UsageFacts): boolean {
  return allocatedAt !== undefined && !listedSince;
}

/** Since when a pod has owned a device. */
export interface Ownership {
  /** ms since the epoch */
  readonly since: number;
  /** True if the pod got the device at `since`; false if it has owned the device for longer. */
  readonly exact: boolean;
}
