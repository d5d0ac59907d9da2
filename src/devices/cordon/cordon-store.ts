import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { Mutex } from "../../common/mutex.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { StateFile } from "../../common/state-file.ts";
import type { Inventory } from "../inventory/inventory.ts";
import {
  type Cordon,
  type Cordons,
  cordoned,
  maxNoteLength,
  uncordoned,
  writeCordons,
} from "./cordons.ts";

export interface CordonStoreDeps {
  readonly inventory: Pick<Inventory, "hold" | "release" | "require">;
  readonly file: Pick<StateFile<Cordons>, "load" | "save">;
  /** Ms since the epoch by the wall clock: they are read after restarts. */
  readonly wall: { now(): number };
  readonly log: Logger;
  /** The log of a device's pool. Default: {@link log}. */
  readonly logOf?: (id: string) => Logger;
}

/**
 * Which devices operators have taken out of the offer. A change is written to a file first and counts then, one
 * change after the other, so that no device is reported as cordoned that a restart would forget.
 */
export class CordonStore {
  readonly #deps: CordonStoreDeps;
  readonly #mutex = new Mutex();
  /** A standby reads the file after each inspection. */
  readonly #once = new LogOnce();
  #cordons: Cordons = new Map();

  constructor(deps: CordonStoreDeps) {
    this.#deps = deps;
  }

  /** All of the file, those of devices that aren't this node's included. */
  get cordons(): Cordons {
    return this.#cordons;
  }

  /** Reads the file. The caller does so before a kubelet gets a list of devices. */
  load(): void {
    const { file, log } = this.#deps;
    const { content: cordons = new Map<string, Cordon>(), problem } = file.load();
    this.#apply(cordons);
    if (problem) {
      log.warn("Cordons could not be read", {
        ...problem.fields(),
        next: "all devices are offered, as if none had been cordoned",
      });
    }
    if (cordons.size > 0) {
      log.info("Devices are cordoned", {
        device_ids: [...cordons.keys()],
        next: "they are not offered until they are uncordoned",
      });
    }
  }

  /**
   * Reads what another instance may have written since. A file that can't be read, or was deleted, is logged once and
   * changes nothing.
   */
  reload(): Promise<void> {
    return this.#mutex.run(async () => {
      const { content: cordons, problem } = this.#deps.file.load();
      if (problem !== undefined) return this.#reloadFailed(problem);
      if (cordons === undefined) return this.#fileDeleted();
      this.#once.forget();
      if (writeCordons(cordons) === writeCordons(this.#cordons)) return;
      this.#apply(cordons);
      this.#deps.log.info("Cordons changed by another instance", {
        device_ids: [...cordons.keys()],
        next: "these devices are not offered; devices that were uncordoned are offered if they are healthy",
      });
    });
  }

  /**
   * @param note At most 200 characters.
   * @throws PluginError `device_unknown`, `note_too_long`, `cordon_not_kept`; nothing has changed then.
   */
  cordon(id: string, note: string): Promise<void> {
    const { inventory, wall } = this.#deps;
    return this.#mutex.run(async () => {
      inventory.require(id);
      // In characters as people count them.
      if ([...note].length > maxNoteLength) {
        throw new PluginError(
          "note_too_long",
          `A note has at most ${maxNoteLength} characters, this one has ${[...note].length}.`,
          { remedy: "Shorten it." },
        );
      }
      const before = this.#cordons.get(id);
      await this.#save(cordoned(this.#cordons, id, note, wall.now()));
      this.#hold(id);
      if (before?.note === note) return;
      this.#logOf(id).info("Device cordoned", {
        device_id: id,
        note,
        reason: inventory.require(id).reason,
        next: "a pod that owns it keeps it; no other pod gets it until it is uncordoned",
      });
    });
  }

  /**
   * @returns false if the device wasn't cordoned.
   * @throws PluginError `device_unknown`, `cordon_not_kept`; nothing has changed then.
   */
  uncordon(id: string): Promise<boolean> {
    const { inventory } = this.#deps;
    return this.#mutex.run(async () => {
      inventory.require(id);
      if (!this.#cordons.has(id)) return false;
      await this.#save(uncordoned(this.#cordons, id));
      this.#logOf(id).info("Device uncordoned", {
        device_id: id,
        reason: "operator",
        next: "it is offered again if it is healthy",
      });
      inventory.release(id, "cordoned");
      return true;
    });
  }

  #logOf(id: string): Logger {
    const { log, logOf = () => log } = this.#deps;
    return logOf(id);
  }

  async #reloadFailed(problem: PluginError): Promise<void> {
    this.#deps.log[this.#lastingLevel("read", problem.message)]("Cordons could not be read", {
      ...problem.fields(),
      next: "the cordons that were known before still count",
    });
    // The file was moved aside: without another one, the next start would know of none.
    if (problem.code === "cordons_damaged") await this.#saveAgain();
  }

  async #fileDeleted(): Promise<void> {
    if (this.#cordons.size === 0) return;
    this.#deps.log[this.#lastingLevel("deleted")]("Cordon file was deleted", {
      device_ids: [...this.#cordons.keys()],
      next: "it is written again; to release devices, uncordon them",
    });
    await this.#saveAgain();
  }

  /** A failure is logged, and changes nothing. */
  async #saveAgain(): Promise<void> {
    if (this.#cordons.size === 0) return;
    await this.#save(this.#cordons, this.#lastingLevel("save")).catch(() => undefined);
  }

  /** The log level of what lasts from one {@link reload} to the next: it is a warning once. */
  #lastingLevel(subject: string, text?: string): "warn" | "debug" {
    return this.#once.isNew(subject, text) ? "warn" : "debug";
  }

  async #save(cordons: Cordons, level: "warn" | "debug" = "warn"): Promise<void> {
    try {
      await this.#deps.file.save(cordons);
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#deps.log[level]("Cordons could not be saved", {
        ...error.fields(),
        next: "nothing has changed",
      });
      throw error;
    }
    this.#cordons = cordons;
  }

  #apply(cordons: Cordons): void {
    for (const id of this.#cordons.keys()) {
      if (!cordons.has(id)) this.#deps.inventory.release(id, "cordoned");
    }
    this.#cordons = cordons;
    for (const id of cordons.keys()) this.#hold(id);
  }

  #hold(id: string): void {
    this.#deps.inventory.hold(id, "cordoned", "An operator has cordoned it.");
  }
}
