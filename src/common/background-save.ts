import { LogOnce } from "./log-once.ts";
import type { Logger } from "./logger.ts";
import { PluginError } from "./plugin-error.ts";

export interface BackgroundSaveDeps {
  /** Saves what is known when it is called. */
  readonly save: () => Promise<void>;
  /** The log event of a failure. */
  readonly failed: string;
  readonly log: Logger;
}

/**
 * Saves every change behind the work that caused it, one save after the other; changes during a save are saved together. A
 * failure is a warning once, and the next change is the next try.
 */
export class BackgroundSave {
  readonly #deps: BackgroundSaveDeps;
  readonly #once = new LogOnce();
  #isWanted = false;
  #isClosed = false;
  #saving: Promise<void> | undefined;

  constructor(deps: BackgroundSaveDeps) {
    this.#deps = deps;
  }

  /** Something has changed. */
  soon(): void {
    if (this.#isClosed) return;
    this.#isWanted = true;
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
  }

  /** Resolves when the last change was saved, or could not be. */
  async saved(): Promise<void> {
    await this.#saving;
  }

  /** As {@link saved}, and saves no later change. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#saving;
  }

  async #save(): Promise<void> {
    const { save, failed, log } = this.#deps;
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        await save();
        this.#once.forget();
      } catch (reason) {
        const error = PluginError.from(reason);
        log[this.#once.isNew("save", error.message) ? "warn" : "debug"](failed, {
          ...error.fields(),
          next: "they count until this process ends; trying again with the next change",
        });
      }
    }
  }
}
