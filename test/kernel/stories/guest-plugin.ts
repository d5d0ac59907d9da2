import { closeSync, openSync } from "node:fs";
import type { Subprocess } from "bun";
import { PluginBinaryLog } from "../../support/plugin-binary-log.ts";

/** The compiled plugin as a node runs it: options at their defaults but for the flags given. */
export class GuestPlugin {
  readonly #name: string;
  #process: Subprocess | undefined;
  #starts = 0;

  /** `name`: what the names of its logs begin with; different for two that run at the same time. */
  constructor(name = "plugin") {
    this.#name = name;
  }

  /** Of its latest start. */
  get log(): PluginBinaryLog {
    return new PluginBinaryLog(`/log/${this.#name}-${this.#starts}`);
  }

  get running(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** Its process ID. @throws Error if it does not run. */
  get pid(): number {
    if (this.#process === undefined || !this.running) throw new Error("the plugin is not running");
    return this.#process.pid;
  }

  start(...flags: string[]): void {
    if (this.running) throw new Error("the plugin is running");
    this.#starts += 1;
    const output = openSync(this.log.path, "a");
    const errors = openSync("/log/plugin-stderr", "a");
    this.#process = Bun.spawn(["/usr/bin/video-device-plugin", ...flags], {
      cwd: "/",
      env: {},
      stdin: "ignore",
      stdout: output,
      stderr: errors,
    });
    closeSync(output);
    closeSync(errors);
  }

  /** Sends SIGTERM; its exit code, null if a signal ended it, and how long it took, ms. */
  async stop(): Promise<{ readonly code: number | null; readonly ms: number }> {
    const started = performance.now();
    await this.#end("SIGTERM");
    return { code: this.#process?.exitCode ?? null, ms: performance.now() - started };
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.exited;
  }
}
