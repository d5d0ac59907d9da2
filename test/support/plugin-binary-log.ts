import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** A line of the plugin's JSON log. */
export interface LogEntry {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The standard output of a plugin process, read from a file. */
export class PluginBinaryLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * All complete lines so far.
   * @throws if a line is anything but a JSON object with `time`, `level` and `msg`.
   */
  entries(): LogEntry[] {
    return this.#lines().map((line) => parse(line));
  }

  /** The entries with this message. */
  saying(msg: string): LogEntry[] {
    return this.entries().filter((entry) => entry.msg === msg);
  }

  /** The last lines as they are, for a failure's report. */
  tail(count = 25): string {
    return this.#lines().slice(-count).join("\n");
  }

  #lines(): string[] {
    return readFileSync(this.path, "utf8").split("\n").slice(0, -1);
  }
}

function parse(line: string): LogEntry {
  let entry: Partial<LogEntry>;
  try {
    entry = JSON.parse(line);
  } catch (cause) {
    throw new Error(`a line of the log is not JSON: ${line}`, { cause });
  }
  assert.ok(!Number.isNaN(Date.parse(entry.time ?? "")), `no time in ${line}`);
  assert.match(entry.level ?? "", /^(DEBUG|INFO|WARN|ERROR)$/, `no level in ${line}`);
  assert.equal(typeof entry.msg, "string", `no msg in ${line}`);
  return entry as LogEntry;
}
