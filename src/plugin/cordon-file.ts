import { readFileSync, renameSync, statSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import { type CordonBook, readBook, writeBook } from "../devices/cordon-book.ts";

/** What the file said. */
export interface CordonFileContent {
  /** Undefined if there is no file: nobody has ever cordoned a device, or somebody has deleted it. */
  readonly book: CordonBook | undefined;
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

  /** Reads the book. A file that is none of cordons is set aside as `cordoned.json.bad`. Never throws. */
  load(): CordonFileContent {
    let text: string | undefined;
    try {
      const stat = statSync(this.path, { throwIfNoEntry: false });
      if (stat === undefined) return { book: undefined, problem: undefined };
      // Reading a FIFO that somebody put there would wait for ever.
      if (stat.isFile() && stat.size <= maxBytes) text = readFileSync(this.path, "utf8");
    } catch (cause) {
      return { book: new Map(), problem: this.#unreadable(cause) };
    }
    try {
      if (text === undefined) throw new Error("it is no file of cordons");
      return { book: readBook(text), problem: undefined };
    } catch (cause) {
      return { book: new Map(), problem: this.#damaged(cause) };
    }
  }

  /**
   * Replaces the file, so that whoever reads it, after whatever crash, finds the old or the new one whole.
   * @throws PluginError `cordon_not_kept`.
   */
  async save(book: CordonBook): Promise<void> {
    const draft = `${this.path}.tmp`;
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      await writeDurably(draft, writeBook(book));
      await rename(draft, this.path);
      await syncDirectory(dirname(this.path));
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => undefined);
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
    let kept = "";
    try {
      renameSync(this.path, `${this.path}.bad`);
      kept = `, which is kept as ${this.path}.bad`;
    } catch {
      // Then it stays where it is.
    }
    return new PluginError("cordons_damaged", `${this.path} is damaged: ${messageOf(cause)}.`, {
      cause,
      remedy: `Look into the file${kept}, and cordon anew what was cordoned.`,
    });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Makes a rename outlive a power cut (fsync(2), "Calling fsync() does not necessarily ensure…"). The rename has
 * happened, so a file system that can't do it for directories is no reason to say that it has not.
 */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, "r");
    await directory.sync().finally(() => directory.close());
  } catch {
    // The file itself was synced.
  }
}
