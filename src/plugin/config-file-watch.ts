import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { LoadResult } from "../config/load-config.ts";
import type { PoolConfig } from "../config/pool-config.ts";
import { poolChanges } from "../config/pools/pool-changes.ts";

/**
 * Milliseconds between two readings of the file. Content alone says that it changed: a ConfigMap's file is a link that the
 * kubelet moves, up to a minute after the change.
 */
const pollMs = 5000;

export interface ConfigFileDeps {
  /** Reads and checks the whole configuration, as a start would. */
  readonly load: () => LoadResult;
  /** Applies what a process that runs can change of these pools; returns all pools as they are then. Default: nothing. */
  readonly apply?: (pools: readonly PoolConfig[]) => readonly PoolConfig[];
  readonly log: Logger;
  readonly clock: Clock;
  /** The text of a file; throws if it can't be read. Default: that of `node:fs`. */
  readonly readFile?: (path: string) => string;
}

/** What a start would make of the file now. */
export interface ConfigFileState {
  /** How many mistakes the file has; 0 if it is valid. */
  readonly problems: number;
  /** True if the file is valid, and says something else for this node than the plugin does. */
  readonly needsRestart: boolean;
}

/** Notices that the config file has changed, has applied what can be, and names what a restart would apply. */
export class ConfigFileWatch {
  readonly #path: string;
  #pools: readonly PoolConfig[];
  readonly #deps: ConfigFileDeps;
  #state: ConfigFileState = { problems: 0, needsRestart: false };
  /** The text at the last reading. Undefined: it could not be read. */
  #seen: string | undefined;
  /** The text that {@link #state} is about; null before the first check. */
  #checked: string | undefined | null = null;

  /**
   * Watches a regular file; undefined if there is none to watch. A pipe, such as `--config=/dev/stdin`, has its text once.
   *
   * @param pools What the plugin offers.
   */
  static of(
    path: string,
    pools: readonly PoolConfig[],
    deps: ConfigFileDeps,
  ): ConfigFileWatch | undefined {
    if (path === "" || statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      return undefined;
    }
    return new ConfigFileWatch(path, pools, deps);
  }

  /** @param pools What the plugin offers. */
  constructor(path: string, pools: readonly PoolConfig[], deps: ConfigFileDeps) {
    this.#path = path;
    this.#pools = pools;
    this.#deps = deps;
    this.#seen = this.#read();
  }

  get state(): ConfigFileState {
    return this.#state;
  }

  /** Checks the file until `signal` aborts. A text counts that two readings find: an editor may be writing it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const text = this.#read();
      if (text === this.#seen) this.#check(text);
      this.#seen = text;
      await this.#deps.clock.sleep(pollMs, signal);
    }
  }

  /** Checks the file at once. */
  checkNow(): void {
    this.#seen = this.#read();
    this.#check(this.#seen);
  }

  #check(text: string | undefined): void {
    if (text === this.#checked) return;
    this.#checked = text;
    const { log } = this.#deps;
    const path = this.#path;
    const next = "the plugin goes on with the configuration that it has";
    const loaded = this.#deps.load();
    if (!loaded.ok) {
      const problems = loaded.problems.map((one) => `${one.subject}: ${one.text}`);
      this.#state = { problems: problems.length, needsRestart: false };
      log.error("Config file has mistakes", { path, problems, next });
      return;
    }
    const all = poolChanges(this.#pools, loaded.pools);
    if (all.length > 0) this.#pools = this.#deps.apply?.(loaded.pools) ?? this.#pools;
    const changes = poolChanges(this.#pools, loaded.pools);
    const applied = all.filter((change) => !changes.includes(change));
    if (applied.length > 0) log.info("Config file's changes applied", { path, changes: applied });
    const before = this.#state;
    this.#state = { problems: 0, needsRestart: changes.length > 0 };
    if (changes.length > 0) {
      const remedy = "Restart the plugin to apply the changes.";
      log.warn("Config file changed", { path, changes, next, remedy });
    } else if (before.problems > 0 || before.needsRestart) {
      log.info("Config file says what the plugin does", { path });
    }
  }

  #read(): string | undefined {
    const { readFile = (path: string) => readFileSync(path, "utf8") } = this.#deps;
    try {
      return readFile(this.#path);
    } catch {
      return undefined;
    }
  }
}
