import { chmodSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../common/clock.ts";
import { readSmallFile } from "../common/files.ts";
import { LogOnce } from "../common/log-once.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";

/** The facts about one pool that become labels of the node. */
export interface NodeFeatures {
  /** Prefix of the labels' names: `example.com/cameras`. */
  readonly resourceName: string;
  readonly driver: string;
  /** Number of devices, healthy or not. */
  readonly devices: number;
  /** Undefined if there is no module, or it has no version. */
  readonly moduleVersion: string | undefined;
  /** True if single devices can be created and removed while the module is loaded. */
  readonly dynamic: boolean;
  /** True if the devices are ready cameras. */
  readonly readyCameras: boolean;
}

export interface NfdDeps {
  readonly directory: string;
  /** Those of each pool. */
  readonly features: () => readonly NodeFeatures[];
  readonly clock: Clock;
  readonly log: Logger;
}

const fileName = "video-device-plugin";
/** Milliseconds between two checks of the file, as between two reads of nfd-worker (core.sleepInterval). */
const checkMs = 60_000;
/**
 * How long the labels outlive the process, ms. A restart or an update must not remove them, or pods with an affinity to
 * them can't be scheduled meanwhile. After the plugin was uninstalled they must go.
 */
const lifetimeMs = 3_600_000;
const renewMs = lifetimeMs / 3;

/**
 * Renders a file for node-feature-discovery's local source, which turns it into labels
 * (https://kubernetes-sigs.github.io/node-feature-discovery/stable/usage/customization-guide).
 *
 * @param expires when NFD removes the labels unless the file is written again.
 */
export function renderFeatures(pools: readonly NodeFeatures[], expires: Date): string {
  // RFC 3339; this comment is one that NFD reads.
  const expiry = `# +expiry-time=${expires.toISOString().replace(/\.\d+/, "")}`;
  return [expiry, ...pools.flatMap(labelsOf), ""].join("\n");
}

function labelsOf(features: NodeFeatures): string[] {
  const { resourceName, driver, devices, moduleVersion, dynamic, readyCameras } = features;
  const labels = {
    count: String(devices),
    driver,
    dynamic: String(dynamic),
    "ready-cameras": String(readyCameras),
    "module-version": moduleVersion,
  };
  return Object.entries(labels).flatMap(([name, text]) => {
    const value = labelValue(text ?? "");
    return value === "" ? [] : [`${resourceName}.${name}=${value}`];
  });
}

/** Makes a text a label's value: at most 63 of these characters, a letter or digit at both ends; may become empty. */
function labelValue(text: string): string {
  const allowed = text.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, 63);
  return allowed.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
}

/** Keeps the file up to date. Logs each error once and retries every minute; devices do not depend on it. */
export class NfdFeatures {
  readonly #deps: NfdDeps;
  readonly #path: string;
  #written = "";
  #writtenAt = 0;
  readonly #once = new LogOnce();

  constructor(deps: NfdDeps) {
    this.#deps = deps;
    this.#path = join(deps.directory, fileName);
  }

  /** Runs until `signal` aborts; the file stays until it expires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.round();
      await this.#deps.clock.sleep(checkMs, signal);
    }
  }

  /** Checks the file once and writes it if needed. */
  round(): void {
    const { clock, features, log } = this.#deps;
    const now = clock.now();
    // NFD compares with the wall clock, which may have been set since this process began.
    const text = renderFeatures(features(), new Date(Date.now() + lifetimeMs));
    try {
      const isThere = this.#written !== "" && readSmallFile(this.#path) === this.#written.trim();
      const isNew = withoutExpiry(text) !== withoutExpiry(this.#written);
      if (isThere && !isNew && now - this.#writtenAt < renewMs) return;
      this.#write(text);
      this.#written = text;
      this.#writtenAt = now;
      const hadFailed = this.#once.forget();
      if (hadFailed || isNew) log.info("Node features written for NFD", { path: this.#path });
    } catch (reason) {
      this.#logError(PluginError.from(reason).message);
    }
  }

  /** NFD reads at any time, ignores hidden files, and may run as another user than root. */
  #write(text: string): void {
    const hidden = join(this.#deps.directory, `.${fileName}`);
    writeFileSync(hidden, text);
    chmodSync(hidden, 0o644); // whatever the umask
    renameSync(hidden, this.#path);
  }

  #logError(error: string): void {
    if (!this.#once.isNew("write", error)) return;
    const { directory, log } = this.#deps;
    const missing = statSync(directory, { throwIfNoEntry: false }) === undefined;
    log.warn("Writing node features for NFD failed", {
      path: this.#path,
      error,
      remedy: missing
        ? "Install NFD and mount its features.d; the plugin retries every minute"
        : "Make the directory writable; the plugin retries every minute",
    });
  }
}

function withoutExpiry(text: string): string {
  return text.replace(/^# .*\n/, "");
}
