import { access, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { aborted, type Clock } from "../common/clock.ts";
import { LogOnce } from "../common/log-once.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { readEntries, readState, StateFile, writeState } from "../common/state-file.ts";

/** A file of CDI devices that a pool has, or once had. */
export interface CdiFile {
  readonly path: string;
  readonly resourceName: string;
}

export interface CdiFilesDeps {
  readonly stateDir: string;
  /** The files of the pools with CDI. */
  readonly current: readonly CdiFile[];
  /** True if a pod owns a device of the resource. @throws PluginError if the kubelet does not answer. */
  readonly isOwned: (resourceName: string, signal: AbortSignal) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds between two questions: a kubelet that has restarted may list no pods for a while. */
const askMs = 60_000;

/** So often in a row the kubelet lists no pod with a device before a file is removed. */
const unownedAnswers = 2;

/**
 * Removes the file of a pool that the configuration no longer has, or that no longer uses CDI, once no pod owns a device of its
 * resource: until then containers that restart need it. The record of all files is `cdi.json` in the state directory, since a file of
 * CDI has no room for whose it is.
 */
export class CdiFiles {
  readonly #deps: CdiFilesDeps;
  readonly #record: StateFile<readonly CdiFile[]>;
  readonly #once = new LogOnce();
  readonly #unowned = new Map<string, number>();
  #former: readonly CdiFile[] = [];

  constructor(deps: CdiFilesDeps) {
    this.#deps = deps;
    this.#record = new StateFile(join(deps.stateDir, "cdi.json"), {
      write: (files) => writeState({ files }),
      read: (text) => readEntries(readState(text), "files", fileOf),
      codes: { unreadable: "cdi_unreadable", notKept: "cdi_not_kept" },
    });
  }

  /** Reads the record. @returns false if there is neither a file nor a record of one. Never throws. */
  load(): boolean {
    const { current } = this.#deps;
    const isCurrent = ({ path }: CdiFile) => current.some((file) => file.path === path);
    this.#former = this.#read().filter((file) => !isCurrent(file));
    return current.length + this.#former.length > 0;
  }

  /** Keeps the record, and removes what no pod needs, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#save();
    while (!signal.aborted && this.#former.length > 0) {
      await this.#round(signal);
      await this.#deps.clock.sleep(askMs, signal);
    }
    await aborted(signal);
  }

  /** Asks once about each file that no pool has. */
  async #round(signal: AbortSignal): Promise<void> {
    for (const file of this.#former) {
      const count = (await this.#isOwned(file, signal))
        ? 0
        : (this.#unowned.get(file.path) ?? 0) + 1;
      this.#unowned.set(file.path, count);
      if (count >= unownedAnswers && !signal.aborted) await this.#remove(file);
    }
  }

  /** An unknown use counts as one. */
  async #isOwned({ resourceName }: CdiFile, signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#deps.isOwned(resourceName, signal);
    } catch {
      return true;
    }
  }

  async #remove(file: CdiFile): Promise<void> {
    const { log } = this.#deps;
    try {
      // In a container without that directory of the host, the file is out of reach, and stays.
      await access(dirname(file.path));
      await rm(file.path, { force: true });
    } catch (reason) {
      const fields = PluginError.from(reason).fields();
      const level = this.#once.isNew(file.path, String(fields["error"])) ? "warn" : "debug";
      log[level]("CDI devices not removed", {
        path: file.path,
        ...fields,
        next: "trying again every minute",
      });
      return;
    }
    this.#former = this.#former.filter((other) => other !== file);
    log.info("CDI devices removed", {
      path: file.path,
      resource_name: file.resourceName,
      detail: "no pool has them, and no pod",
    });
    await this.#save();
  }

  async #save(): Promise<void> {
    const { current, log } = this.#deps;
    try {
      const files = [...current, ...this.#former];
      if (files.length === 0) await rm(this.#record.path, { force: true });
      else await this.#record.save(files);
    } catch (reason) {
      const next =
        "a pool that is removed from the configuration leaves its file of CDI devices behind";
      log.warn("Record of CDI devices not saved", { ...PluginError.from(reason).fields(), next });
    }
  }

  #read(): readonly CdiFile[] {
    const { content = [], problem } = this.#record.load();
    if (problem !== undefined) {
      this.#deps.log.warn("Record of CDI devices not read", {
        ...problem.fields(),
        next: "files of pools that are no longer configured stay",
      });
    }
    return content;
  }
}

function fileOf({ path, resourceName }: Record<string, unknown>): CdiFile | undefined {
  if (typeof path !== "string" || !/^\/.*\.json$/.test(path)) return undefined;
  return typeof resourceName === "string" ? { path, resourceName } : undefined;
}
