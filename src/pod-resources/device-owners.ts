/** The container that has a device, as the kubelet names it. */
export interface Owner {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A device's passage from one owner to another, or to or from nobody. */
export interface OwnerChange {
  readonly id: string;
  readonly before: Owner | undefined;
  readonly after: Owner | undefined;
}

/** What one answer of the kubelet's has changed. */
export interface OwnerNews {
  readonly changes: readonly OwnerChange[];
  /** It was the first answer: what it names may have been so for long. */
  readonly first: boolean;
}

/** When owners are no longer believed. */
export interface OwnerTimes {
  /** How long an answer is good for, ms. What is older is no fact, and not shown. */
  readonly staleMs: number;
  /**
   * How long a kubelet that has begun anew may leave out devices that pods have, ms: it answers before it
   * has read its pods from the API server.
   */
  readonly restartGraceMs: number;
}

const nobody: ReadonlyMap<string, Owner> = new Map();

/**
 * Who has which device, from the kubelet's answers. While it doesn't answer nobody is named, and nothing
 * is said to have changed: what has is known when it answers again. Times are in ms since the epoch.
 */
export class DeviceOwners {
  readonly #times: OwnerTimes;
  #known: ReadonlyMap<string, Owner> = nobody;
  #answeredAt: number | undefined;
  #completeFrom = Number.NEGATIVE_INFINITY;
  /** Owners that a kubelet which has begun anew has not named yet. */
  readonly #awaited = new Map<string, Owner>();

  constructor(times: OwnerTimes) {
    this.#times = times;
  }

  /** The owners, by device ID, of devices that have one; none if the last answer is too old. */
  current(now: number): ReadonlyMap<string, Owner> {
    const { staleMs } = this.#times;
    const fresh = this.#answeredAt !== undefined && now - this.#answeredAt <= staleMs;
    return fresh ? this.#known : nobody;
  }

  /** The kubelet has begun anew. */
  kubeletRestarted(now: number): void {
    this.#completeFrom = now + this.#times.restartGraceMs;
    for (const [id, owner] of this.#known) this.#awaited.set(id, owner);
  }

  /** Takes in an answer to a question of `askedAt`. One that was overtaken by a later one says nothing. */
  answered(listed: ReadonlyMap<string, Owner>, askedAt: number): OwnerNews {
    const first = this.#answeredAt === undefined;
    if (this.#answeredAt !== undefined && askedAt < this.#answeredAt) return { changes: [], first };
    const before = this.#known;
    if (askedAt >= this.#completeFrom) this.#awaited.clear();
    for (const id of listed.keys()) this.#awaited.delete(id);
    const after = new Map([...this.#awaited, ...listed]);
    this.#known = after;
    this.#answeredAt = askedAt;
    const changes = [...new Set([...before.keys(), ...after.keys()])]
      .map((id) => ({ id, before: before.get(id), after: after.get(id) }))
      .filter((change) => !isSame(change.before, change.after));
    return { changes, first };
  }
}

function isSame(a: Owner | undefined, b: Owner | undefined): boolean {
  return a?.namespace === b?.namespace && a?.pod === b?.pod && a?.container === b?.container;
}
