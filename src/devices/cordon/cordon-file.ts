import { dirname, join } from "node:path";
import { ensureDirectory, moveAside, readFileIfPresent, replaceFile } from "../../common/files.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import { type CordonMap, readCordons, writeCordons } from "./cordons.ts";

/** What the file said. */
export interface CordonFileContent {
  /** Undefined if there is no file: nobody has ever cordoned a device, or somebody has deleted it. */
  readonly book: CordonMap | undefined;
  /**
   * Why the book is empty although there is a file: `cordons_damaged` (it is none of cordons, and was set aside) or
   * `cordons_unreadable` (it couldn't be read, and stays where it is). Undefined if all is well.
   */
  readonly problem: PluginError | undefined;
}

/** A book of 256 devices takes 80 kB; a file far larger is none. */
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
      return { book: text === undefined ? undefined : readCordons(text), problem: undefined };
    } catch (cause) {
      const isUnreadable = cause instanceof Error && "code" in cause;
      const problem = isUnreadable ? this.#unreadable(cause) : this.#damaged(cause);
      return { book: new Map(), problem };
    }
  }

  /**
   * Replaces the file, see {@link replaceFile}. Creates the state directory.
   * @throws PluginError `cordon_not_kept`.
   */
  async save(book: CordonMap): Promise<void> {
    try {
      ensureDirectory(dirname(this.path));
      await replaceFile(this.path, writeCordons(book));
    } catch (cause) {
      throw new PluginError(
        "cordon_not_kept",
        `${this.path} can't be written: ${messageOf(cause)}.`,
        {
          cause,
          remedy: `Make room in ${dirname(this.path)} and let this process write there, or name another STATE_DIR.`,
        },
      );
    }
  }

  #unreadable(cause: unknown): PluginError {
    const message = `${this.path} can't be read: ${messageOf(cause)}.`;
    return new PluginError("cordons_unreadable", message, {
      cause,
      remedy: "Let this process read the file, and start it anew.",
    });
  }

  #damaged(cause: unknown): PluginError {
    const kept = moveAside(this.path, `${this.path}.bad`)
      ? `, which is kept as ${this.path}.bad`
      : "";
    return new PluginError("cordons_damaged", `${this.path} is damaged: ${messageOf(cause)}.`, {
      cause,
      remedy: `Look into the file${kept}, and cordon anew what was cordoned.`,
    });
  }
}
