import { chmodSync, mkdirSync, readlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readSmallFile, replaceFile } from "../../common/files.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import type { PlacedDevice } from "../render-allocation.ts";
import {
  type CdiPool,
  cdiFileName,
  cdiName,
  cdiSpec,
  containerPaths,
  pathsIn,
} from "./cdi-spec.ts";

export interface CdiWriterDeps {
  /** Directory from which container runtimes read CDI devices. */
  readonly directory: string;
  readonly pool: CdiPool;
  readonly devices: () => readonly PlacedDevice[];
  /** True if no pod owns the device, so that it may get another path in containers. */
  readonly isFree: (id: string) => boolean;
  readonly log: Logger;
}

/** Writes the file of a pool's CDI devices whenever it differs from what the devices are. The file outlives the process. */
export class CdiWriter {
  readonly path: string;
  readonly #deps: CdiWriterDeps;
  readonly #once = new LogOnce();
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: CdiWriterDeps) {
    this.#deps = deps;
    this.path = join(deps.directory, cdiFileName(deps.pool));
  }

  /**
   * Brings the file up to date, after writes that are under way. Never rejects: a failure is logged.
   *
   * @param allocated Devices that are being allocated, as the answer has them: their paths are those, and not the ones of an earlier pod.
   * @returns the qualified names of the devices in the file, by ID. None if it couldn't be written: a runtime creates no container
   * with a name that it doesn't find.
   */
  write(allocated: readonly PlacedDevice[] = []): Promise<ReadonlyMap<string, string>> {
    const written = this.#last.then(() => this.#write(allocated));
    this.#last = written;
    return written;
  }

  /** Every user may read CDI devices, as those of other programs, whatever the umask is. */
  #ensureDirectory(): void {
    const { directory } = this.#deps;
    const isNew = mkdirSync(directory, { recursive: true }) !== undefined;
    if (isNew) chmodSync(directory, 0o755);
  }

  async #write(allocated: readonly PlacedDevice[]): Promise<ReadonlyMap<string, string>> {
    const { directory, pool, log, isFree } = this.#deps;
    const devices = this.#deps.devices();
    try {
      const before = readSmallFile(this.path);
      // The file may have devices of an earlier process, which this one does not list.
      const owned = new Set(devices.flatMap(({ id }) => (isFree(id) ? [] : [id])));
      const kept = [...pathsIn(before ?? "")].filter(([id]) => owned.has(id));
      const given = allocated.map((device) => [device.id, containerPaths(pool, device)] as const);
      const spec = cdiSpec(pool, devices, new Map([...kept, ...given]), nodeOf);
      if (spec === undefined) {
        await rm(this.path, { force: true });
        return new Map();
      }
      const text = JSON.stringify(spec, undefined, 2);
      if (text !== before) {
        this.#ensureDirectory();
        await replaceFile(this.path, `${text}\n`, 0o644);
        log.info("CDI devices written", {
          path: this.path,
          device_ids: devices.map(({ id }) => id),
        });
      }
      this.#once.forget();
      return new Map(devices.map(({ id }) => [id, cdiName(pool, id)]));
    } catch (cause) {
      const error = new PluginError(
        "cdi_not_written",
        `${this.path} can't be written: ${messageOf(cause)}.`,
        {
          cause,
          remedy: `Let this process write to ${directory}, and mount that directory of the host if it runs in a container; or set cdi: off for the pool.`,
        },
      );
      log[this.#once.isNew("write", error.message) ? "warn" : "debug"]("CDI devices not written", {
        ...error.fields(),
        next: "pods get device specs alone, with mode and group of the host's node; trying again with the next inspection",
      });
      return new Map();
    }
  }
}

/**
 * The node to which a driver's link leads. Without the link, as that of a device that is unplugged, there is none at the link's path
 * either, and the runtime refuses to create a container: another device may have the number by then.
 */
function nodeOf(hostPath: string): string {
  try {
    return readlinkSync(hostPath);
  } catch {
    return hostPath;
  }
}
