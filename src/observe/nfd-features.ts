import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";

/** What is told of this node. */
export interface NodeFeatures {
  /** `example.com/cameras`: what the labels' names begin with. */
  readonly resourceName: string;
  readonly driver: string;
  /** How many devices the node offers, healthy or not. */
  readonly devices: number;
  /** Undefined if there is no module, or it doesn't say. */
  readonly moduleVersion: string | undefined;
  /** Whether single devices come and go without a load of the module. */
  readonly dynamic: boolean;
}

export interface NfdDeps {
  readonly directory: string;
  readonly features: () => NodeFeatures;
  readonly clock: Clock;
  readonly log: Logger;
}

const fileName = "video-device-plugin";
/** Between two looks, ms: as often as nfd-worker looks by itself (core.sleepInterval). */
const lookMs = 60_000;
/**
 * How long the labels outlive the process, ms. A restart or an update must not take them from the node, or pods
 * with an affinity to them find no place meanwhile; of a plugin that is gone for good they must go.
 */
const lifetimeMs = 3_600_000;
const renewMs = lifetimeMs / 3;

/**
 * A file for node-feature-discovery's local source, which makes labels of it
 * (https://kubernetes-sigs.github.io/node-feature-discovery/stable/usage/customization-guide).
 * `expires`: when they go if it is not renewed.
 */
export function renderFeatures(features: NodeFeatures, expires: Date): string {
  const { resourceName, driver, devices, moduleVersion, dynamic } = features;
  const labels = {
    count: String(devices),
    driver,
    dynamic: String(dynamic),
    "module-version": moduleVersion,
  };
  const lines = Object.entries(labels).flatMap(([name, text]) => {
    const value = labelValue(text ?? "");
    return value === "" ? [] : [`${resourceName}.${name}=${value}`];
  });
  // RFC 3339, in the one place where a comment means something.
  return [`# +expiry-time=${expires.toISOString().replace(/\.\d+/, "")}`, ...lines, ""].join("\n");
}

/** What a label's value may be: 63 of these, a letter or a digit at both ends; empty if nothing is left. */
function labelValue(text: string): string {
  const allowed = text.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, 63);
  return allowed.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
}

/** Keeps the file as it should be. Whatever hinders it is told once and tried again; the plugin lives without it. */
export class NfdFeatures {
  readonly #deps: NfdDeps;
  readonly #path: string;
  #written = "";
  #writtenAt = 0;
  #told: string | undefined;

  constructor(deps: NfdDeps) {
    this.#deps = deps;
    this.#path = join(deps.directory, fileName);
  }

  /** Runs until `signal` aborts; the file stays until it expires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.round();
      await this.#deps.clock.sleep(lookMs, signal);
    }
  }

  /** One look, and what follows from it. */
  round(): void {
    const { clock, features, log } = this.#deps;
    const now = clock.now();
    // NFD compares with the wall clock, which may have been set since this process began.
    const text = renderFeatures(features(), new Date(Date.now() + lifetimeMs));
    try {
      const isThere = this.#written !== "" && readIfThere(this.#path) === this.#written;
      const isNew = withoutExpiry(text) !== withoutExpiry(this.#written);
      if (isThere && !isNew && now - this.#writtenAt < renewMs) return;
      this.#write(text);
      this.#written = text;
      this.#writtenAt = now;
      if (this.#told !== undefined || isNew) {
        log.info("Node features told to NFD", { path: this.#path });
      }
      this.#told = undefined;
    } catch (reason) {
      this.#tell(PluginError.from(reason).message);
    }
  }

  /** NFD reads whenever it likes, and ignores hidden files. It need not be root. */
  #write(text: string): void {
    const hidden = join(this.#deps.directory, `.${fileName}`);
    writeFileSync(hidden, text);
    chmodSync(hidden, 0o644); // whatever the umask
    renameSync(hidden, this.#path);
  }

  #tell(error: string): void {
    if (error === this.#told) return;
    this.#told = error;
    const { directory, log } = this.#deps;
    const missing = statSync(directory, { throwIfNoEntry: false }) === undefined;
    log.warn("Node features can't be told to NFD", {
      path: this.#path,
      error,
      remedy: missing
        ? "is NFD installed, and its features.d mounted? It is tried again every minute"
        : "the directory must be writable; it is tried again every minute",
    });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function withoutExpiry(text: string): string {
  return text.replace(/^# .*\n/, "");
}
