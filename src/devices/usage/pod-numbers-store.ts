import { BackgroundSave } from "../../common/background-save.ts";
import type { Logger } from "../../common/logger.ts";
import type { StateFile } from "../../common/state-file.ts";
import type { NumbersByDevice, PodNumbers } from "./pod-numbers.ts";
import type { UsageTracker } from "./usage-tracker.ts";

export interface PodNumbersStoreDeps {
  readonly numbers: PodNumbers;
  /** Follows the use of devices that no driver of the process has. */
  readonly usage: Pick<UsageTracker, "track">;
  readonly file: Pick<StateFile<NumbersByDevice>, "load" | "save">;
  readonly log: Logger;
}

/**
 * Keeps the device numbers of pods over restarts of the process. It writes them after each change, behind the work
 * that caused it: Allocate does not wait for a disk. What a crash loses, the next start derives from the kubelet's
 * list and the numbers that the devices have then.
 */
export class PodNumbersStore {
  readonly #deps: PodNumbersStoreDeps;
  readonly #saving: BackgroundSave;

  constructor(deps: PodNumbersStoreDeps) {
    this.#deps = deps;
    const { file, numbers, log } = deps;
    this.#saving = new BackgroundSave({
      save: () => file.save(numbers.byDevice),
      failed: "Device numbers of pods could not be saved",
      log,
    });
  }

  /** Reads the file, and writes every change from then on. The caller does so before the kubelet is asked for pods. */
  load(): void {
    const { numbers, usage, file, log } = this.#deps;
    const { content: known = new Map<string, ReadonlySet<string>>(), problem } = file.load();
    if (problem) {
      log.warn("Device numbers of pods could not be read", {
        ...problem.fields(),
        next: "for pods that run, the numbers count that their devices have now",
      });
    }
    usage.track([...known.keys()].filter((id) => numbers.usageOf(id) === undefined));
    numbers.restore(known);
    numbers.subscribe(() => this.#saving.soon());
  }

  /** Resolves when the last change was written, or could not be. */
  saved(): Promise<void> {
    return this.#saving.saved();
  }

  /** As {@link saved}, and writes no later change: the file is the next instance's, once this one has released the lock. */
  close(): Promise<void> {
    return this.#saving.close();
  }
}
