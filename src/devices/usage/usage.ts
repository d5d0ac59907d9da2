/** What is known about who uses a device; nothing here is asked of the device's health. */
export interface UsageFacts {
  /** Whether the kubelet's latest answer named a pod that has it; undefined before the first answer. */
  readonly listed: boolean | undefined;
  /** Since when every answer of the kubelet has left it out, ms since the epoch; undefined if the last did not. */
  readonly absentSince: number | undefined;
  /** When it was last given away, ms since the epoch. */
  readonly allocatedAt: number | undefined;
  /** Whether the kubelet has listed it since it was last given away. */
  readonly listedSince: boolean;
  /** The last request for it was refused, so that whoever asked has not got it. */
  readonly refused: boolean;
  /** Whether somebody holds it open; undefined if that isn't known. */
  readonly open: boolean | undefined;
}

/**
 * - `in_use`: a pod has it, has just been given it, or somebody holds it open.
 * - `free`: nobody has it, and there is proof.
 * - `unknown`: there is no proof either way; it is not touched on a guess.
 */
export type Use = "in_use" | "free" | "unknown";

/**
 * Who uses a device. `graceMs` is how long an allocation counts before the kubelet lists it (it records
 * one only after our answer), and how long the kubelet must leave a device out before that counts: a
 * kubelet that has just started answers before it knows its pods.
 */
export function use(facts: UsageFacts, now: number, graceMs: number): Use {
  if (facts.open === true || facts.listed === true) return "in_use";
  // The kubelet asks only for devices that nobody has: one it was refused is nobody's until it asks again.
  if (facts.refused) return "free";
  if (facts.allocatedAt !== undefined && now - facts.allocatedAt < graceMs) return "in_use";
  // What only a plain init container has is never listed, so its absence tells nothing.
  if (facts.allocatedAt !== undefined && !facts.listedSince) return "unknown";
  const gone = facts.absentSince !== undefined && now - facts.absentSince >= graceMs;
  return gone ? "free" : "unknown";
}
