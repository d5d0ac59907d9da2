import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { Mutex } from "../../common/mutex.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { CordonFile } from "./cordon-file.ts";
import {
  type Cordon,
  type CordonMap,
  cordoned,
  maxNoteLength,
  uncordoned,
  writeCordons,
} from "./cordons.ts";

export interface CordonStoreDeps {
  readonly pool: Pick<Inventory, "get" | "hold" | "release">;
  readonly file: Pick<CordonFile, "load" | "save">;
  readonly clock: Pick<Clock, "sleep">;
  /** Ms since the epoch, as a calendar has them: it is read after restarts. */
  readonly wall: { now(): number };
  readonly log: Logger;
  /** Looks at the devices; a released one is offered again only after a look. */
  readonly inspect: () => Promise<void>;
}

/** How long a change waits for the look that follows it, ms: it holds without, and people wait for the answer. */
const lookMs = 2000;

/**
 * Which devices operators have taken out of the offer: kept in a file first and then counted, one change
 * after the other, so that nothing is said to be cordoned that a restart would forget.
 */
export class CordonStore {
  readonly #deps: CordonStoreDeps;
  readonly #mutex = new Mutex();
  #book: CordonMap = new Map();

  constructor(deps: CordonStoreDeps) {
    this.#deps = deps;
  }

  /** Those of the file that aren't this pool's included. */
  get book(): CordonMap {
    return this.#book;
  }

  /** Takes in what the file has. To be called before a kubelet is told of any device. */
  load(): void {
    const { file, log } = this.#deps;
    const { book = new Map<string, Cordon>(), problem } = file.load();
    this.#take(book);
    if (problem) {
      log.warn("CordonStore could not be read", {
        ...problem.fields(),
        next: "all devices are offered, as if none had been cordoned",
      });
    }
    if (book.size > 0) {
      log.info("Devices are cordoned", {
        device_ids: [...book.keys()],
        next: "they are not offered until they are uncordoned",
      });
    }
  }

  /**
   * Takes in what another instance may have written since. What can't be read, or was deleted, changes nothing, and is
   * told.
   */
  async reload(): Promise<void> {
    const hasChanged = await this.#mutex.run(async () => {
      const { book, problem } = this.#deps.file.load();
      if (problem !== undefined) return this.#reloadFailed(problem);
      if (book === undefined) return this.#fileGone();
      if (writeCordons(book) === writeCordons(this.#book)) return false;
      this.#take(book);
      this.#deps.log.info("CordonStore were changed by another instance", {
        device_ids: [...book.keys()],
        next: "these devices are not offered, and those that were released are if they are well",
      });
      return true;
    });
    if (hasChanged) await this.#look();
  }

  /**
   * @param note At most 200 characters.
   * @throws PluginError `device_unknown`, `note_too_long`, `cordon_not_kept`; nothing has changed then.
   */
  cordon(id: string, note: string): Promise<void> {
    const { pool, wall, log } = this.#deps;
    return this.#mutex.run(async () => {
      this.#known(id);
      // In characters as people count them.
      if ([...note].length > maxNoteLength) {
        throw new PluginError(
          "note_too_long",
          `A note has at most ${maxNoteLength} characters, this one has ${[...note].length}.`,
          { remedy: "Shorten it." },
        );
      }
      const was = this.#book.get(id);
      const book = cordoned(this.#book, id, note, wall.now());
      await this.#keep(book);
      this.#hold(book.get(id) as Cordon);
      if (was?.note === note) return;
      log.info("Device cordoned", {
        device_id: id,
        note,
        reason: pool.get(id)?.reason,
        next: "whoever has it keeps it; no other pod gets it until it is uncordoned",
      });
    });
  }

  /** @throws PluginError `device_unknown`, `cordon_not_kept`; nothing has changed then. */
  async uncordon(id: string): Promise<void> {
    const { pool, log } = this.#deps;
    const wasCordoned = await this.#mutex.run(async () => {
      this.#known(id);
      if (!this.#book.has(id)) return false;
      await this.#keep(uncordoned(this.#book, id));
      pool.release(id, "cordoned");
      log.info("Device uncordoned", {
        device_id: id,
        reason: "operator",
        next: "it is offered again if it is well",
      });
      return true;
    });
    if (wasCordoned) await this.#look();
  }

  /** A look may have to wait for the devices to be made: others' changes don't wait for that, nor does ours for long. */
  async #look(): Promise<void> {
    const over = new AbortController();
    const { clock, inspect } = this.#deps;
    await Promise.race([inspect(), clock.sleep(lookMs, over.signal)]).finally(() => over.abort());
  }

  async #reloadFailed(problem: PluginError): Promise<false> {
    this.#deps.log.warn("CordonStore could not be read", {
      ...problem.fields(),
      next: "those that were known before go on to count",
    });
    // The file was set aside: without another one, the next start would know of none.
    if (problem.code === "cordons_damaged") await this.#keepAgain();
    return false;
  }

  async #fileGone(): Promise<false> {
    if (this.#book.size === 0) return false;
    this.#deps.log.warn("The file of cordons is gone", {
      device_ids: [...this.#book.keys()],
      next: "it is written again; to release devices, uncordon them",
    });
    await this.#keepAgain();
    return false;
  }

  /** That it can't be written is told, and no reason to fail. */
  async #keepAgain(): Promise<void> {
    if (this.#book.size > 0) await this.#keep(this.#book).catch(() => undefined);
  }

  #known(id: string): void {
    if (this.#deps.pool.get(id) !== undefined) return;
    throw new PluginError("device_unknown", `${id} is not one of this node's devices.`);
  }

  async #keep(book: CordonMap): Promise<void> {
    try {
      await this.#deps.file.save(book);
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#deps.log.warn("CordonStore could not be kept", {
        ...error.fields(),
        next: "nothing has changed",
      });
      throw error;
    }
    this.#book = book;
  }

  #take(book: CordonMap): void {
    for (const id of this.#book.keys()) if (!book.has(id)) this.#deps.pool.release(id, "cordoned");
    this.#book = book;
    for (const cordon of book.values()) this.#hold(cordon);
  }

  #hold({ device }: Cordon): void {
    this.#deps.pool.hold(device, {
      reason: "cordoned",
      detail: "An operator has taken it out of the offer.",
    });
  }
}
