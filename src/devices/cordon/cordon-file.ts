import { join } from "node:path";
import { moveAside, readFileIfPresent } from "../../common/files.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import { writeStateFile } from "../write-state-file.ts";
import { type Cordons, readCordons, writeCordons } from "./cordons.ts";

/** What the file holds. */
export interface CordonFileContent {
  /** Undefined if there is no file: no device was ever cordoned, or the file was deleted. */
  readonly cordons: Cordons | undefined;
  /**
   * Why there are no cordons although there is a file: `cordons_damaged` (it holds no cordons, and was moved aside) or
   * `cordons_unreadable` (it couldn't be read, and stays where it is). Undefined if the file was read.
   */
  readonly problem: PluginError | undefined;
}

/** The cordons of 256 devices take 80 kB; a far larger file holds something else. */
const maxBytes = 1024 * 1024;

/** `cordoned.json` in the state directory. */
export class CordonFile {
  readonly path: string;

  constructor(stateDir: string) {
    this.path = join(stateDir, "cordoned.json");
  }

  /** Reads the cordons. A file that holds none is moved aside to `cordoned.json.bad`. Never throws. */
  load(): CordonFileContent {
    try {
      const text = readFileIfPresent(this.path, maxBytes);
      return { cordons: text === undefined ? undefined : readCordons(text), problem: undefined };
    } catch (cause) {
      const isUnreadable = cause instanceof Error && "code" in cause;
      const problem = isUnreadable ? this.#unreadable(cause) : this.#damaged(cause);
      return { cordons: new Map(), problem };
    }
  }

  /**
   * Replaces the file, see {@link writeStateFile}.
   * @throws PluginError `cordon_not_kept`.
   */
  save(cordons: Cordons): Promise<void> {
    return writeStateFile(this.path, writeCordons(cordons), "cordon_not_kept");
  }

  #unreadable(cause: unknown): PluginError {
    const message = `${this.path} can't be read: ${messageOf(cause)}.`;
    return new PluginError("cordons_unreadable", message, {
      cause,
      remedy: "Let this process read the file, and restart it.",
    });
  }

  #damaged(cause: unknown): PluginError {
    const kept = moveAside(this.path, `${this.path}.bad`)
      ? `, which is kept as ${this.path}.bad`
      : "";
    return new PluginError("cordons_damaged", `${this.path} is damaged: ${messageOf(cause)}.`, {
      cause,
      remedy: `Look into the file${kept}, and cordon again what was cordoned.`,
    });
  }
}
