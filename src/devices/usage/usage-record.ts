import type { Cleanliness } from "../maintenance/maintenance-plan.ts";
import type { UsageFacts } from "./usage.ts";

/** What is remembered of one device's use and cleaning. Times in ms since the epoch. */
export class UsageRecord {
  readonly id: string;
  cleanliness: Cleanliness = "unknown";
  /** Failed resets and repairs in a row. */
  failures = 0;
  /** Resets and repairs by this process that worked. */
  resets = 0;
  repairs = 0;
  notBefore = 0;
  #listed: boolean | undefined;
  #absentSince: number | undefined;
  #allocatedAt: number | undefined;
  #listedSince = false;
  #refused = false;
  #open: boolean | undefined;

  constructor(id: string) {
    this.id = id;
  }

  get allocatedAt(): number | undefined {
    return this.#allocatedAt;
  }

  /** Whether the kubelet has listed it since it was last given away. */
  get listedSince(): boolean {
    return this.#listedSince;
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

  /** It is given away. */
  given(now: number): void {
    this.cleanliness = "dirty";
    this.#allocatedAt = now;
    this.#listedSince = false;
    this.#absentSince = undefined;
    this.#refused = false;
  }

  /** A container of its pod is about to start. */
  started(): void {
    this.cleanliness = "dirty";
    this.#absentSince = undefined;
    this.#refused = false;
  }

  /** Whoever asked for it has not got it. */
  refused(): void {
    this.#refused = true;
  }

  /** The kubelet answered, having been asked at `askedAt`. */
  answered(listed: boolean, askedAt: number): void {
    this.#listed = listed;
    if (listed) {
      this.cleanliness = "dirty";
      this.#listedSince = true;
      this.#refused = false;
      this.#absentSince = undefined;
      return;
    }
    // An answer to a question from before the allocation says nothing about it.
    if (this.#allocatedAt !== undefined && askedAt <= this.#allocatedAt) return;
    this.#absentSince ??= askedAt;
  }

  /** The kubelet can't be asked, or has begun anew: a device it leaves out is not missed any more. */
  interrupted(): void {
    this.#absentSince = undefined;
  }

  seenOpen(open: boolean | undefined): void {
    this.#open = open;
    if (open === true) this.cleanliness = "dirty";
  }

  cleaned(): void {
    this.cleanliness = "clean";
    this.recovered();
  }

  recovered(): void {
    this.failures = 0;
    this.notBefore = 0;
  }
}
