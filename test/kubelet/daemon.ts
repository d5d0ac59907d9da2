import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runDir } from "./paths.ts";
import { GiveUp, waitFor } from "./wait.ts";

/** A background process with its output in `<runDir>/<name>.log` and its ID in `<runDir>/<name>.pid`. */
export class Daemon {
  readonly name: string;
  readonly log: string;
  readonly #pidFile: string;
  #process: Bun.Subprocess | undefined;

  constructor(name: string) {
    this.name = name;
    this.log = join(runDir, `${name}.log`);
    this.#pidFile = join(runDir, `${name}.pid`);
  }

  get running(): boolean {
    // A process that a signal ended has no exit code.
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /**
   * Starts the command, appending to the log, and resolves when `ready` answers without an error.
   * @throws with the end of the log when the process ends first, or is not ready within `timeoutMs`.
   */
  async start(
    command: string[],
    ready: () => Promise<unknown>,
    env: Record<string, string> = {},
    timeoutMs = 300_000,
  ): Promise<void> {
    if (this.running) throw new Error(`${this.name} is running already`);
    const output = openSync(this.log, "a");
    const child = Bun.spawn(command, {
      cwd: runDir,
      // Not the caller's environment: proxies and locales are no part of the test.
      env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, ...env },
      stdin: "ignore",
      stdout: output,
      stderr: output,
    });
    closeSync(output);
    child.unref();
    this.#process = child;
    writeFileSync(this.#pidFile, `${child.pid}\n`);
    const probe = async () => {
      if (!this.running)
        throw new GiveUp(`${this.name} ended: ${child.exitCode ?? child.signalCode}`);
      await ready();
      return true;
    };
    await waitFor(`${this.name} ready`, timeoutMs, probe).catch(async (error: unknown) => {
      await this.stop();
      throw new Error(`${this.name} did not start; ${this.log} ends:\n${this.tail()}`, {
        cause: error,
      });
    });
  }

  /** The signal, and SIGKILL after 10 s. No error if it is not running. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await child.exited;
    clearTimeout(timer);
    rmSync(this.#pidFile, { force: true });
  }

  /** The last lines of the log. */
  tail(lines = 40): string {
    try {
      return readFileSync(this.log, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
    } catch {
      return "(no log)";
    }
  }
}
