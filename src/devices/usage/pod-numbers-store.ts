import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { PodNumbers } from "./pod-numbers.ts";
import type { PodNumbersFile } from "./pod-numbers-file.ts";
import type { UsageTracker } from "./usage-tracker.ts";

export interface PodNumbersStoreDeps {
  readonly numbers: PodNumbers;
  /** Follows the use of devices that no driver of the process has. */
  readonly usage: Pick<UsageTracker, "track">;
  readonly file: Pick<PodNumbersFile, "load" | "save">;
  readonly log: Logger;
}

/**
 * Keeps the device numbers of pods over restarts of the process. It writes them after each change, behind the work
 * that caused it: Allocate does not wait for a disk. What a crash loses, the next start derives from the kubelet's
 * list and the numbers that the devices have then.
 */
export class PodNumbersStore {
  readonly #deps: PodNumbersStoreDeps;
  readonly #once = new LogOnce();
  #isWanted = false;
  #isClosed = false;
  #writing: Promise<void> | undefined;

  constructor(deps: PodNumbersStoreDeps) {
    this.#deps = deps;
  }

  /** Reads the file, and writes every change from then on. The caller does so before the kubelet is asked for pods. */
  load(): void {
    const { numbers, usage, file, log } = this.#deps;
    const { numbers: known, problem } = file.load();
    if (problem) {
      log.warn("Device numbers of pods could not be read", {
        ...problem.fields(),
        next: "for pods that run, the numbers count that their devices have now",
      });
    }
    usage.track([...known.keys()].filter((id) => numbers.usageOf(id) === undefined));
    numbers.restore(known);
    numbers.subscribe(() => this.#saveSoon());
  }

  /** Resolves when the last change was written, or could not be. */
  async saved(): Promise<void> {
    await this.#writing;
  }

  /** As {@link saved}, and writes no later change: the file is the next instance's, once this one has released the lock. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  #saveSoon(): void {
    if (this.#isClosed) return;
    this.#isWanted = true;
    this.#writing ??= this.#save().finally(() => {
      this.#writing = undefined;
    });
  }

  async #save(): Promise<void> {
    const { numbers, file, log } = this.#deps;
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        await file.save(numbers.byDevice);
        this.#once.forget();
      } catch (reason) {
        const error = PluginError.from(reason);
        log[this.#once.isNew("save", error.message) ? "warn" : "debug"](
          "Device numbers of pods could not be saved",
          {
            ...error.fields(),
            next: "they count until this process ends; trying again with the next change",
          },
        );
      }
    }
  }
}
