import { dirname } from "node:path";
import type { ErrorCode } from "./error-codes.ts";
import { ensureDirectory, moveAside, readFileIfPresent, replaceFile } from "./files.ts";
import { isRecord } from "./is-record.ts";
import { messageOf, PluginError } from "./plugin-error.ts";

/** What 256 devices need is 80 kB; a far larger file holds something else. */
const maxBytes = 1024 * 1024;

/** Version of the format of all state files. */
const version = 1;

/** How a file holds its content. */
export interface StateFormat<T> {
  /** See {@link writeState}. */
  readonly write: (content: T) => string;
  /** See {@link readState}. @throws Error that says what is wrong with the text. */
  readonly read: (text: string) => T;
  readonly codes: {
    /** The file is there and can't be read. */
    readonly unreadable: ErrorCode;
    /** It holds something else. Default: `unreadable`. */
    readonly damaged?: ErrorCode;
    readonly notKept: ErrorCode;
  };
  /** What replaces the content of a damaged file, the end of a sentence: `cordon again what was cordoned`. Default: nothing. */
  readonly remedy?: string;
}

/** What {@link StateFile.load} has read. */
export interface LoadedState<T> {
  /** Undefined if there is no file, or a problem. */
  readonly content: T | undefined;
  /** Why there is no content although there is a file. */
  readonly problem: PluginError | undefined;
}

/** A file of the state directory: the process replaces it whole, and the next process reads it at its start. */
export class StateFile<T> {
  readonly path: string;
  readonly #format: StateFormat<T>;

  constructor(path: string, format: StateFormat<T>) {
    this.path = path;
    this.#format = format;
  }

  /** Reads the content, and moves a damaged file aside to `PATH.bad`. Never throws. */
  load(): LoadedState<T> {
    try {
      return { content: this.read(), problem: undefined };
    } catch (cause) {
      const isUnreadable = cause instanceof Error && "code" in cause;
      const problem = isUnreadable ? this.#unreadable(cause) : this.#damaged(cause);
      return { content: undefined, problem };
    }
  }

  /** Reads the content, and changes nothing; undefined if there is no file. @throws Error that says what is wrong. */
  read(): T | undefined {
    const text = readFileIfPresent(this.path, maxBytes);
    return text === undefined ? undefined : this.#format.read(text);
  }

  /**
   * Replaces the file, see {@link replaceFile}. Creates the directory.
   * @throws PluginError `codes.notKept`.
   */
  async save(content: T): Promise<void> {
    const directory = dirname(this.path);
    try {
      ensureDirectory(directory);
      await replaceFile(this.path, this.#format.write(content));
    } catch (cause) {
      const message = `${this.path} can't be written: ${messageOf(cause)}.`;
      throw new PluginError(this.#format.codes.notKept, message, {
        cause,
        remedy: `Make room in ${directory} and let this process write there, or name another STATE_DIR.`,
      });
    }
  }

  #unreadable(cause: unknown): PluginError {
    const message = `${this.path} can't be read: ${messageOf(cause)}.`;
    return new PluginError(this.#format.codes.unreadable, message, {
      cause,
      remedy: "Let this process read the file, and restart it.",
    });
  }

  #damaged(cause: unknown): PluginError {
    const { codes, remedy } = this.#format;
    const bad = `${this.path}.bad`;
    const kept = moveAside(this.path, bad) ? `, which is kept as ${bad}` : "";
    const further = remedy === undefined ? "" : `, and ${remedy}`;
    const message = `${this.path} is damaged: ${messageOf(cause)}.`;
    return new PluginError(codes.damaged ?? codes.unreadable, message, {
      cause,
      remedy: `Find out which program wrote to the file${kept}${further}.`,
    });
  }
}

/** The content as JSON that people can read and edit, with the version of the format. */
export function writeState(content: object): string {
  return `${JSON.stringify({ version, ...content }, null, 2)}\n`;
}

/** The fields of what {@link writeState} has written. @throws Error that says what is wrong with the text. */
export function readState(text: string): Record<string, unknown> {
  const data: unknown = JSON.parse(text);
  if (!isRecord(data)) throw new Error("it is not a JSON object");
  if (data["version"] === version) return data;
  throw new Error(`its version is ${JSON.stringify(data["version"])}, not ${version}`);
}

/** The entries of such a list of the content, each by `read`. @throws Error that says what is wrong with it. */
export function readEntries<T>(
  data: Record<string, unknown>,
  name: string,
  read: (entry: Record<string, unknown>) => T | undefined,
): T[] {
  const list = data[name];
  if (!Array.isArray(list)) throw new Error(`it has no list of ${name}`);
  return list.map((entry: unknown) => {
    const content = isRecord(entry) ? read(entry) : undefined;
    if (content !== undefined) return content;
    throw new Error(`one of its ${name} is ${JSON.stringify(entry)?.slice(0, 100)}`);
  });
}
