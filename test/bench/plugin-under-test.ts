import { readFileSync } from "node:fs";
import type { Subprocess } from "bun";

/** Where a plugin under test finds its node. */
export interface PluginPlaces {
  readonly kubeletSocket: string;
  readonly podResourcesSocket: string;
  readonly socketPath: string;
  readonly simulatedDir: string;
  readonly adminSocket: string;
  readonly stateDir: string;
  /** Takes its log, so that no pipe's reader is part of what is measured. */
  readonly logFile: string;
}

/** The compiled program as a process of its own. */
export class PluginUnderTest {
  readonly #process: Subprocess<"ignore">;
  readonly #logFile: string;

  /** `options` are added to the command line. */
  constructor(binary: string, places: PluginPlaces, options: readonly string[] = []) {
    this.#logFile = places.logFile;
    this.#process = Bun.spawn({
      cmd: [
        binary,
        "run",
        "--driver=simulated",
        "--node-name=bench-node",
        `--kubelet-socket=${places.kubeletSocket}`,
        `--pod-resources-socket=${places.podResourcesSocket}`,
        `--socket-path=${places.socketPath}`,
        `--simulated-dir=${places.simulatedDir}`,
        `--admin-socket=${places.adminSocket}`,
        `--state-dir=${places.stateDir}`,
        ...options,
      ],
      // Nothing of the caller's environment, which holds options of the program as well.
      env: {},
      stdin: "ignore",
      stdout: Bun.file(places.logFile),
      stderr: "inherit",
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Sends a signal; resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process.kill(signal);
    await this.#process.exited;
  }

  /** True if the log has that text. */
  hasLogged(text: string): boolean {
    return readFileSync(this.#logFile, "utf8").includes(text);
  }

  /** Resolves when it has ended; SIGKILL if SIGTERM was not enough for it. */
  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    const impatience = setTimeout(() => this.#process.kill("SIGKILL"), 3000);
    await this.#process.exited;
    clearTimeout(impatience);
  }

  /** The log's last lines, for the report of a failure. */
  lastLines(count = 10): string {
    return readFileSync(this.#logFile, "utf8").trimEnd().split("\n").slice(-count).join("\n");
  }
}
