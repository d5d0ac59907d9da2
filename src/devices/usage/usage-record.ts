import type { UsageFacts } from "./usage.ts";

/**
 * What a device may still carry of its last user.
 * - `unknown`: nothing is known, as of every adopted device after a start.
 * - `clean`: created or reset by this process, and not used since.
 * - `dirty`: allocated, or seen in use, since.
 */
export type Cleanliness = "unknown" | "clean" | "dirty";

/** What is known of one device's users. Times in ms since the epoch. */
export class UsageRecord {
  readonly id: string;
  cleanliness: Cleanliness = "unknown";
  /** When Allocate last asked for it, be it in vain. */
  requestedAt: number | undefined;
  #listed: boolean | undefined;
  #absentSince: number | undefined;
  #allocatedAt: number | undefined;
  #listedSince = false;
  #refused = false;
  #open: boolean | undefined;

  constructor(id: string) {
    this.id = id;
  }

  facts(): UsageFacts {
    return {
      listed: this.#listed,
      absentSince: this.#absentSince,
      allocatedAt: this.#allocatedAt,
      listedSince: this.#listedSince,
      refused: this.#refused,
      open: this.#open,
    };
  }

  /** Allocate gave it to a container. */
  allocated(now: number): void {
    this.started();
    this.#allocatedAt = now;
    this.#listedSince = false;
  }

  /** A container of its pod is about to start. */
  started(): void {
    this.cleanliness = "dirty";
    this.#absentSince = undefined;
    this.#refused = false;
  }

  /** Allocate was refused, so that the pod that asked does not own it. */
  refused(): void {
    this.#refused = true;
  }

  /** The kubelet answered a question of `askedAt`. */
  answered(listed: boolean, askedAt: number): void {
    this.#listed = listed;
    if (listed) {
      this.started();
      this.#listedSince = true;
      return;
    }
    // An answer to a question from before the allocation says nothing about it.
    if (this.#allocatedAt !== undefined && askedAt <= this.#allocatedAt) return;
    this.#absentSince ??= askedAt;
  }

  /** The kubelet can't be asked, or has restarted: until it answers again, its silence about a device counts for nothing. */
  interrupted(): void {
    this.#absentSince = undefined;
  }

  seenOpen(open: boolean | undefined): void {
    this.#open = open;
    if (open === true) this.cleanliness = "dirty";
  }
}
