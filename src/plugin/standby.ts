import { join } from "node:path";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { findOtherInstances, type OtherInstances } from "../device-plugin/socket-file.ts";
import {
  decideStandby,
  type StandbyFacts,
  type StandbyTimes,
  type StandbyWait,
} from "../device-plugin/standby.ts";
import { FileLock } from "../linux/file-lock.ts";
import type { LinuxCalls } from "../linux/linux-calls.ts";

export interface StandbyOptions {
  readonly resourceName: string;
  readonly stateDir: string;
  readonly socketPath: string;
  readonly times: StandbyTimes;
}

export interface StandbyDeps {
  readonly calls: Pick<LinuxCalls, "lockFile">;
  /** True once the pools that come before this one have taken over, see {@link TakeOverOrder}. */
  readonly isTurn: () => boolean;
  /** IDs of the devices that the kubelet can allocate. @throws PluginError if it does not answer. */
  readonly allocatable: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Path of this instance's socket for the kubelet; undefined while it has none. */
  readonly socketPath: () => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A standby as it is shown. */
export interface StandbyStatus {
  /** Since when it stands by, ms since the epoch. */
  readonly since: number;
  /** True if it has stood by for longer than an update takes. */
  readonly isLong: boolean;
}

/** How an instance became the one that serves. */
export interface StandbyEnd {
  /** True if another instance served before. */
  readonly stoodBy: boolean;
  /** The note that the last instance left; empty if it left none, or if this one has not stood by. */
  readonly note: string;
}

const noOthers: OtherInstances = { same: [], unmarked: [] };

/**
 * The order in which the pools of a process take over: by resource name, so that of two processes with the same pools none
 * has the lock that the other one waits for.
 */
export class TakeOverOrder {
  readonly #waiting: string[];

  constructor(resourceNames: readonly string[]) {
    this.#waiting = resourceNames.toSorted();
  }

  isTurnOf(resourceName: string): boolean {
    return this.#waiting[0] === resourceName;
  }

  /** The pool has taken over. */
  done(resourceName: string): void {
    if (this.isTurnOf(resourceName)) this.#waiting.shift();
  }
}

/**
 * Makes one instance of a resource serve at a time: the one that has the lock `STATE_DIR/<resource name>.lock`. Others
 * stand by, and one of them takes over when the lock is free and the kubelet has noticed the old stream's end.
 */
export class Standby {
  readonly #options: StandbyOptions;
  readonly #deps: StandbyDeps;
  readonly #times: StandbyTimes;
  readonly #lock: FileLock;
  #note = "";
  /** The note that was in the lock file. */
  #found = "";
  /** The note that this instance has left to a registered one: what that has allocated since is not in it. */
  #leftToOther: string | undefined;
  #aloneSince: number | undefined;
  #waiting: { readonly since: number } | undefined;
  #isWarned = false;

  constructor(options: StandbyOptions, deps: StandbyDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#times = options.times;
    const name = `${options.resourceName.replaceAll("/", "_")}.lock`;
    this.#lock = new FileLock(join(options.stateDir, name), deps.calls);
  }

  /** True while this instance stands by, and only the lock is missing: its holder can hand over to it. */
  get waitsForLock(): boolean {
    return this.#waiting !== undefined && !this.#lock.isHeld;
  }

  /** Undefined unless this instance stands by. */
  status(): StandbyStatus | undefined {
    if (this.#waiting === undefined) return undefined;
    const { since } = this.#waiting;
    return { since, isLong: this.#deps.clock.now() - since >= this.#times.longMs };
  }

  /**
   * Resolves when this instance may serve, or `signal` aborts. Calls `onStandby` once before it waits.
   *
   * @returns undefined if `signal` aborted first.
   */
  async untilAlone(onStandby: () => void, signal: AbortSignal): Promise<StandbyEnd | undefined> {
    const { clock, log } = this.#deps;
    const since = clock.now();
    try {
      while (!signal.aborted) {
        if (!this.#deps.isTurn() && this.#isFree()) {
          await clock.sleep(this.#times.lockMs, signal);
          continue;
        }
        const lock = this.#tryLock();
        const others = lock === "ours" ? await this.#others() : noOthers;
        // What another instance has allocated meanwhile is not in the note.
        if (others.same.length + others.unmarked.length > 0) this.#giveWay(others);
        const facts = await this.#facts(since, lock, others, signal);
        const step = decideStandby(facts, this.#times);
        if (signal.aborted) break;
        if (step.kind === "take_over") {
          const { stoodBy } = facts;
          if (stoodBy) log.info("Taking over", { stood_by_ms: facts.now - since });
          return { stoodBy, note: stoodBy ? this.#note : "" };
        }
        if (this.#waiting === undefined) {
          this.#waiting = { since };
          this.#logStandby(step.for, others);
          onStandby();
        }
        this.#warnIfLong(others);
        await clock.sleep(step.ms, signal);
      }
      return undefined;
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Lets a standby take over, and leaves it the note. Only after the stream has ended at the kubelet. */
  release(note = ""): void {
    try {
      if (note !== "") this.#lock.leaveNote(note);
    } catch (reason) {
      const fields = PluginError.from(reason).fields();
      this.#deps.log.debug("Note for the next instance not written", fields);
    }
    this.#lock.release();
  }

  async #facts(
    since: number,
    lock: StandbyFacts["lock"],
    { same, unmarked }: OtherInstances,
    signal: AbortSignal,
  ): Promise<StandbyFacts> {
    const { clock } = this.#deps;
    const isAlone = lock === "ours" && same.length === 0;
    this.#aloneSince = isAlone ? (this.#aloneSince ?? clock.now()) : undefined;
    const stoodBy = this.#waiting !== undefined;
    const streamHasEnded = this.#note !== "";
    const isRegistered = this.#deps.socketPath() !== undefined;
    const asks = isAlone && stoodBy && !isRegistered && !streamHasEnded && unmarked.length === 0;
    const kubeletLists = asks ? await this.#kubeletLists(signal) : undefined;
    return {
      ...{ now: clock.now(), since, lock, stoodBy, isRegistered, streamHasEnded, kubeletLists },
      others: { same: same.length, unmarked: unmarked.length },
      aloneSince: this.#aloneSince,
    };
  }

  /** True unless another instance has the lock; this one doesn't keep it yet. */
  #isFree(): boolean {
    try {
      if (!this.#lock.tryLock()) return false;
      this.#lock.release();
    } catch {
      // It is logged when it is this pool's turn.
    }
    return true;
  }

  #tryLock(): StandbyFacts["lock"] {
    if (this.#lock.isHeld) return "ours";
    if (!this.#deps.isTurn()) return "taken";
    try {
      if (!this.#lock.tryLock()) return "taken";
      // Only a note that its writer left while this instance waited for the lock is recent for certain: an older plugin,
      // which knows no lock, may have served since any other one.
      const note = this.#lock.takeNote();
      this.#found = note;
      if (this.#waiting !== undefined && note !== this.#leftToOther) this.#note = note;
      return "ours";
    } catch (reason) {
      // Another instance had the lock a moment ago: an error of the tries after that is no proof that it has ended.
      if (this.#waiting !== undefined) return "taken";
      const { log } = this.#deps;
      log.warn("Instances can't hand over to each other", {
        ...PluginError.from(reason).fields(),
        lock_path: this.#lock.path,
        remedy:
          "Let this process write to STATE_DIR, on a directory of the host that all instances share.",
        next: "registering at once, whether or not another instance serves",
      });
      return "unavailable";
    }
  }

  async #others(): Promise<OtherInstances> {
    const { socketPath, resourceName } = this.#options;
    const { same, unmarked } = await findOtherInstances(socketPath, resourceName);
    const own = this.#deps.socketPath();
    return { same: same.filter((path) => path !== own), unmarked };
  }

  /** Leaves lock and note to an instance that registered before their holder ended, and may be waiting for them. */
  #giveWay({ same }: OtherInstances): void {
    this.#note = "";
    if (this.#waiting === undefined || same.length === 0) return;
    if (this.#found !== "") this.#leftToOther = this.#found;
    this.release(this.#found);
  }

  async #kubeletLists(signal: AbortSignal): Promise<boolean | undefined> {
    try {
      return (await this.#deps.allocatable(signal)).length > 0;
    } catch {
      return undefined;
    }
  }

  #logStandby(waitsFor: StandbyWait, { same, unmarked }: OtherInstances): void {
    this.#deps.log.info("Standing by", {
      resource_name: this.#options.resourceName,
      ...(waitsFor === "lock"
        ? { lock_path: this.#lock.path }
        : { socket_paths: [...same, ...unmarked] }),
      detail: "another instance serves this resource on the node",
      next: "devices are only inspected; registering when that instance ends",
    });
  }

  #warnIfLong({ same, unmarked }: OtherInstances): void {
    const status = this.status();
    if (this.#isWarned || status?.isLong !== true) return;
    this.#isWarned = true;
    const explained = longStandby(this.#options.resourceName);
    this.#deps.log.warn("Still standing by", {
      ...explained.fields(),
      ...(this.#lock.isHeld
        ? { socket_paths: [...same, ...unmarked] }
        : { lock_path: this.#lock.path }),
      stood_by_ms: this.#deps.clock.now() - status.since,
      next: "devices are only inspected; registering when that instance ends",
    });
  }
}

/** Explains a standby that lasts longer than an update. */
export function longStandby(resourceName: string): PluginError {
  return new PluginError(
    "standby",
    `Another instance has served ${resourceName} on this node for longer than an update takes.`,
    {
      remedy:
        "Run one instance for each resource name and node: look for a second DaemonSet or release, for a systemd unit, and for an old pod that hangs or is not deleted.",
    },
  );
}
