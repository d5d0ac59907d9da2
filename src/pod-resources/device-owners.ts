/** The container that owns a device, as the kubelet names it. */
export interface Owner {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A device whose owner has changed; undefined stands for no owner. */
export interface OwnerChange {
  readonly id: string;
  readonly before: Owner | undefined;
  readonly after: Owner | undefined;
}

/** What one answer of the kubelet has changed. */
export interface OwnerUpdate {
  readonly changes: readonly OwnerChange[];
  /** True for the first answer: its owners may have had their devices for long. */
  readonly first: boolean;
}

/** How long owners stay valid. */
export interface OwnerTimes {
  /** How long an answer is valid, ms. Owners of an older one are not shown. */
  readonly staleMs: number;
  /**
   * How long a restarted kubelet may leave out devices that pods own, ms: it answers before it has read its pods
   * from the API server.
   */
  readonly restartGraceMs: number;
}

const noOwners: ReadonlyMap<string, Owner> = new Map();

/**
 * The owners of devices, from the kubelet's answers. While the kubelet does not answer, no device has a known owner,
 * and no change is reported: changes show when the kubelet answers again. Times are in ms since the epoch.
 */
export class DeviceOwners {
  readonly #times: OwnerTimes;
  #known = noOwners;
  #answeredAt: number | undefined;
  #completeFrom = Number.NEGATIVE_INFINITY;
  /** Owners that a restarted kubelet has not listed yet. */
  readonly #unconfirmed = new Map<string, Owner>();

  constructor(times: OwnerTimes) {
    this.#times = times;
  }

  /** Owners by device ID; empty if the last answer is too old. */
  current(now: number): ReadonlyMap<string, Owner> {
    const { staleMs } = this.#times;
    const fresh = this.#answeredAt !== undefined && now - this.#answeredAt <= staleMs;
    return fresh ? this.#known : noOwners;
  }

  /** Keeps the owners known so far until the restarted kubelet has listed them, or its grace time is over. */
  kubeletRestarted(now: number): void {
    this.#completeFrom = now + this.#times.restartGraceMs;
    for (const [id, owner] of this.#known) this.#unconfirmed.set(id, owner);
  }

  /** Takes in the answer to a call of `askedAt`; ignores it if a later call was answered before. */
  answered(listed: ReadonlyMap<string, Owner>, askedAt: number): OwnerUpdate {
    const first = this.#answeredAt === undefined;
    if (this.#answeredAt !== undefined && askedAt < this.#answeredAt) return { changes: [], first };
    const before = this.#known;
    if (askedAt >= this.#completeFrom) this.#unconfirmed.clear();
    for (const id of listed.keys()) this.#unconfirmed.delete(id);
    const after = new Map([...this.#unconfirmed, ...listed]);
    this.#known = after;
    this.#answeredAt = askedAt;
    const changes = [...new Map([...before, ...after]).keys()]
      .map((id) => ({ id, before: before.get(id), after: after.get(id) }))
      .filter((change) => !isSame(change.before, change.after));
    return { changes, first };
  }
}

function isSame(a: Owner | undefined, b: Owner | undefined): boolean {
  return a?.namespace === b?.namespace && a?.pod === b?.pod && a?.container === b?.container;
}
